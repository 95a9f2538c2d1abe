-- A rehearsal: what a script does beyond itself is said and not done. It still reads what there is.
local host = ...
local rehearsal = host.settings.rehearsal
if not rehearsal then return end

local format, tostring, type, open = string.format, tostring, type, io.open
local output, execute = io.output, os.execute

local function skip(what, ...) host.skip(format(what, ...)) end

-- What is written to goes nowhere, and what is read from is empty.
local function nothing(mode) return open("/dev/null", mode) end

if not rehearsal.runCommands then
  os.execute = function(command)
    if command == nil then return execute() end
    skip("os.execute(%q)", tostring(command))
    return 0
  end

  io.popen = function(command, mode)
    skip("io.popen(%q)", tostring(command))
    return nothing(mode or "r")
  end
end

io.open = function(name, mode)
  if type(name) ~= "string" or type(mode) ~= "string" or not mode:find("[wa+]") then return open(name, mode) end
  skip("io.open(%q, %q)", name, mode)
  return nothing("w")
end

io.output = function(file)
  if type(file) ~= "string" then return output(file) end
  skip("io.output(%q)", file)
  return output(nothing("w"))
end

os.remove = function(name)
  skip("os.remove(%q)", tostring(name))
  return true
end

os.rename = function(from, to)
  skip("os.rename(%q, %q)", tostring(from), tostring(to))
  return true
end

os.tmpname = function()
  skip("os.tmpname()")
  return "/dev/null"
end
