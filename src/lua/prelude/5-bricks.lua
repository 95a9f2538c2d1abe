-- BRICKS: the program as a whole.
local host = ...
local base = host.base
local ipairs, type = ipairs, type
local print = print

local functions = {}

function host.program_help()
  base.print_columns({
    { "BRICKS.help()", "prints this text" },
    { "BRICKS.print_status()", "says whether any engine is running" },
    { "BRICKS.show_stats()", "prints packets, bytes and drops of all engines" },
    { "BRICKS.stats()", "returns the same as a table" },
    { "BRICKS.backend()", "returns the name of the backend: netmap, pcap or loopback" },
    { "BRICKS.sleep(seconds)", "waits; engines keep running" },
    { "BRICKS.shutdown()", "ends the program" },
    { "PktEngine.help()", "prints help for packet engines" },
    { "Brick.help()", "prints help for bricks" },
  }, 2)
end
functions.help = host.program_help

local function engines(what)
  return base.command({ command = "engines.stats" }, what)
end

function functions.print_status()
  for _, engine in ipairs(engines("print_status")) do
    if engine.running then
      print("BRICKS is online.")
      return
    end
  end
  print("BRICKS is offline.")
end

function functions.show_stats() print(base.command({ command = "engines.show" }, "show_stats")) end

-- All engines' statistics as a table.
function functions.stats() return engines("stats") end

-- The name of the backend that engines use.
function functions.backend() return base.command({ command = "program.backend" }, "backend") end

function functions.shutdown()
  if not host.settings.daemon then print("Goodbye!") end
  base.command({ command = "shutdown" }, "shutdown")
  host.exit(0)
end

-- Waits without using the processor.
function functions.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then base.wrong("BRICKS.sleep", 1, "seconds", "a number of at least 0", seconds) end
  host.sleep(seconds)
end

BRICKS = base.module("BRICKS", functions, {
  _VERSION = "Packet Bricks " .. host.settings.version,
  _DESCRIPTION = "Takes packets off the wire and hands them, flow by flow, to the programs that need them.",
  _COPYRIGHT = "Copyright (c) the Packet Bricks authors. BSD-2-Clause.",
})
