--- What the set-ups in this folder share. Use it as: local setup = require("lib.setup")
---
--- Where a set-up asks for an input it takes an interface (eth3), a port of a switch (vale0:a), a
--- capture file or a directory of them. It comes from the arguments of the script, else from a
--- global variable, else from the environment:
---
---     bricks -f scripts/load-balance.lua -- eth3 4
---     BRICKS_INPUT=trace.pcap BRICKS_OUTPUTS=8 bricks -f scripts/load-balance.lua
local setup = {}

-- Names of pipes are made from this many letters of a file's name.
local LONGEST_STEM = 32

--- Says on standard error how a script is used, and ends it with exit code 2. In a shell it is an error.
function setup.usage(text, problem)
  local message = (problem and problem .. "\n" or "") .. "usage: " .. text
  if not (arg and arg[0]) then error(message, 0) end
  io.stderr:write(message, "\n")
  os.exit(2)
end

--- The first line of a file without blanks around it, or nil: for the files under /sys and /proc.
function setup.read_line(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local line = file:read("*l")
  file:close()
  return line and (line:gsub("^%s*(.-)%s*$", "%1"))
end

--- What a command prints, without the last line break.
function setup.capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*all") or ""
  pipe:close()
  return (text:gsub("%s+$", ""))
end

--- Whether a command succeeds.
function setup.succeeds(command)
  return os.execute(command .. " >/dev/null 2>&1") == 0
end

--- A word quoted for the shell.
function setup.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Waits; engines run on meanwhile.
function setup.sleep(seconds)
  local finish = os.clock() + seconds
  while os.clock() < finish do end
end

--- The interface that a name speaks of: eth3 for eth3-2, eth3{0, netmap:eth3.
function setup.interface_of(name)
  return (name:gsub("^netmap:", ""):gsub("[{}].*$", ""):gsub("%-%d+$", ""))
end

function setup.is_interface(name)
  return not name:find("/", 1, true) and setup.read_line("/sys/class/net/" .. setup.interface_of(name) .. "/ifindex") ~= nil
end

function setup.is_directory(path)
  return setup.succeeds("test -d " .. setup.quote(path))
end

--- Whether a name is meant as a capture file or a directory, by the way it is written.
function setup.looks_like_file(name)
  local lower = name:lower()
  for _, ending in ipairs({ "pcap", "pcapng", "cap", "ntar", "dmp" }) do
    if lower:sub(-#ending - 1) == "." .. ending then return true end
  end
  return name:find("^[./~]") ~= nil or name:find("^file:") ~= nil or name:find("/", 1, true) ~= nil
end

function setup.exists(path)
  local file = io.open((path:gsub("^file:", "")), "r")
  if file then file:close() end
  return file ~= nil
end

--- The name that the pipes of an input begin with: the interface itself, or what a file's name suggests.
function setup.stem(name)
  -- Of a pipe its device: the outputs are pipes beside it.
  if not setup.looks_like_file(name) then return (name:gsub("[{}][^{}]*$", "")) end
  local stem = name:gsub("^file:", ""):gsub("/+$", ""):match("([^/]*)$")
  stem = stem:gsub("%.[^.]*$", ""):gsub("[^%w_-]", "-"):gsub("^%-+", ""):sub(1, LONGEST_STEM)
  return stem ~= "" and stem or "trace"
end

local function given(position, global, variable)
  if arg and arg[position] and arg[position] ~= "" then return arg[position] end
  local value = rawget(_G, global)
  if value ~= nil then return value end
  value = os.getenv(variable)
  if value ~= "" then return value end
  return nil
end

--- The input that the user asked for, and the name for its pipes; ends with the usage when there is none.
function setup.input(usage, position)
  local name = given(position or 1, "INPUT", "BRICKS_INPUT")
  if not name then setup.usage(usage, "No interface or capture file was given.") end
  if setup.looks_like_file(name) and not setup.exists(name) then
    setup.usage(usage, "There is no file " .. name .. ".")
  end
  return name, setup.stem(name)
end

--- A number that the user may give, named in the usage as `global` is; the default when there is none.
function setup.count(usage, position, default, global, variable)
  local value = given(position, global or "OUTPUTS", variable or "BRICKS_OUTPUTS")
  if value == nil then return default end
  local number = tonumber(value)
  if not number or number < 1 or number ~= math.floor(number) then
    setup.usage(usage, string.format("%s must be a whole number from 1 on, got %q.", global or "OUTPUTS", tostring(value)))
  end
  return number
end

--- How many CPUs this machine has.
function setup.cpu_count()
  local count = 0
  local file = io.open("/proc/cpuinfo", "r")
  if file then
    for line in file:lines() do
      if line:find("^processor%s*:") then count = count + 1 end
    end
    file:close()
  end
  return math.max(count, 1)
end

--- How many hardware queues an interface receives with, or nil when that is not known.
function setup.queue_count(name)
  local folder = "/sys/class/net/" .. setup.interface_of(name) .. "/queues"
  local count = 0
  for _ in setup.capture("ls " .. setup.quote(folder) .. " 2>/dev/null"):gmatch("rx%-%d+") do count = count + 1 end
  return count > 0 and count or nil
end

-- Offloads that change packets before they are captured, with what each does.
local OFFLOADS = {
  ["generic-receive-offload"] = { "gro", "merge" },
  ["large-receive-offload"] = { "lro", "merge" },
  ["tcp-segmentation-offload"] = { "tso", "merge" },
  ["generic-segmentation-offload"] = { "gso", "merge" },
  ["rx-vlan-offload"] = { "rxvlan", "cut" },
}
local EFFECTS = { merge = "merge packets into frames longer than any on the wire", cut = "cut out VLAN tags" }

--- The command that turns off the offloads of an interface that spoil capturing, and what these do; nil when none is on
--- (or ethtool is not here to ask). Tags that the card cuts out are put back by the pcap backend; netmap never sees them.
function setup.offload_hint(name)
  local interface = setup.interface_of(name)
  if not setup.is_interface(interface) then return nil end
  local found, effects = {}, {}
  for line in setup.capture("ethtool -k " .. setup.quote(interface) .. " 2>/dev/null"):gmatch("[^\n]+") do
    local feature, state = line:match("^%s*([%w-]+):%s*(%w+)")
    local offload = OFFLOADS[feature]
    if offload and state == "on" and not line:find("[fixed]", 1, true) and (offload[2] ~= "cut" or BRICKS.backend() == "netmap") then
      found[#found + 1] = offload[1] .. " off"
      effects[offload[2]] = true
    end
  end
  if #found == 0 then return nil end
  table.sort(found)
  local said = {}
  for _, effect in ipairs({ "merge", "cut" }) do
    if effects[effect] then said[#said + 1] = EFFECTS[effect] end
  end
  return "ethtool -K " .. interface .. " " .. table.concat(found, " "), table.concat(said, ", and ")
end

--- Prints hints for an input: what to set before measuring.
function setup.hints(name)
  if setup.looks_like_file(name) then return end
  if not setup.is_interface(name) and not name:find("[:{}]") and setup.exists(name) then
    print(string.format("Note: %s is taken for an interface. The file or directory of that name is written ./%s", name, name))
  end
  local interface = setup.interface_of(name)
  local state = setup.read_line("/sys/class/net/" .. interface .. "/operstate")
  if state == "down" then print("Note: " .. interface .. " is down. Bring it up: ip link set " .. interface .. " up") end
  local command, effects = setup.offload_hint(interface)
  if command then print("Note: offloads " .. effects .. ". Turn them off: " .. command) end
end

--- The pipes stem{first ... as the bricks write them.
function setup.pipes(stem, first, count)
  local names = {}
  for index = first, first + count - 1 do names[#names + 1] = string.format("%s{%d", stem, index) end
  return names
end

local function range_of(stem, first, count)
  local last = first + count - 1
  return count > 1 and string.format("'%s}%d' to '%s}%d'", stem, first, stem, last) or string.format("'%s}%d'", stem, first)
end

--- Prints how the outputs are read. With the input behind, it says what is special of a file.
function setup.explain(stem, first, count, input)
  setup.explain_ranges({ { stem, first, count } }, input)
end

--- The same for several ranges of pipes: { { stem, first, count }, ... }.
function setup.explain_ranges(ranges, input)
  if #ranges == 0 then return end
  local parts = {}
  for number, range in ipairs(ranges) do parts[number] = range_of(unpack(range)) end
  print(string.format("Packets are at %s. Read one: bricks attach '%s}%d'", table.concat(parts, " and "), ranges[1][1], ranges[1][2]))
  if input and setup.looks_like_file(input) then
    print("Note: a capture file is played at once, and what nobody reads is dropped. Start the readers first: they wait for their pipe.")
  end
end

--- Where BRICKS_SECONDS is set: prints statistics every second for that long, then stops and deletes the engines.
function setup.watch(engines)
  local seconds = tonumber(os.getenv("BRICKS_SECONDS") or "")
  if not seconds then return end
  for _ = 1, seconds do
    setup.sleep(1)
    BRICKS.show_stats()
  end
  for _, engine in ipairs(engines) do engine:stop():delete() end
end

return setup
