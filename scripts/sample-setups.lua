--- Ten ways to put bricks together.
---
---     bricks -f scripts/sample-setups.lua -- NAME INPUT [SECOND]
---
--- In the shell: setups = dofile("scripts/sample-setups.lua"), then setups.run("merge", "eth2", "eth3").
--- INPUT is an interface or a capture file. SECOND is an interface for "balance-and-send", a second
--- input for "merge", what to pass for "balance-and-filter", and a file name where a set-up writes files.
local setup = require("lib.setup")

local BUFFER_SZ = 1024
local samples = {}

-- Names in the order of the list below.
samples.names = {}

-- build(input, stem, second) gives the brick on top, and where packets come out: { { stem, first, count } }
-- of pipes that no other brick of it reads, then names of files, then an interface.
local function sample(name, text, build)
  samples.names[#samples.names + 1] = name
  samples[name] = { text = text, build = build }
end

sample("balance-and-send", "a load balancer to four pipes and an interface", function(input, stem, second)
  local lb = Brick.new("LoadBalancer", 2):connect_input(input):connect_outputs(stem, 4)
  if second then lb:connect_output(second) else print("Note: no second interface was given, so there are only the pipes.") end
  return lb, { { stem, 0, 4 } }, {}, second
end)

sample("duplicate-and-balance", "a duplicator whose branch 0 is split again by a load balancer", function(input, stem)
  local duplicator = Brick.new("Duplicator"):connect_input(input):connect_output(unpack(setup.pipes(stem, 0, 4)))
  local lb = Brick.new("LoadBalancer", 4):connect_input(stem .. "}0"):connect_output(unpack(setup.pipes(stem, 4, 4)))
  return duplicator:link(lb), { { stem, 1, 7 } }
end)

sample("duplicate", "a duplicator to four pipes", function(input, stem)
  return Brick.new("Duplicator"):connect_input(input):connect_outputs(stem, 4), { { stem, 0, 4 } }
end)

sample("balance-and-merge", "a load balancer to two pipes that are merged again into one", function(input, stem)
  local lb = Brick.new("LoadBalancer", 2):connect_input(input):connect_outputs(stem, 2)
  local merge = Brick.new("Merge"):connect_input(stem .. "}0", stem .. "}1"):connect_output(stem .. "{2")
  return lb:link(merge), { { stem, 2, 1 } }
end)

sample("merge", "two inputs merged into a pipe that a load balancer splits over pipes of the other one", function(input, stem, second)
  if not second then setup.usage(samples.usage, "The set-up merge needs two inputs.") end
  local other = setup.stem(second)
  if other == stem then other = other .. "-2" end
  local merge = Brick.new("Merge"):connect_input(input, second):connect_output(stem .. "{0")
  local lb = Brick.new("LoadBalancer", 2):connect_input(stem .. "}0"):connect_outputs(other, 4)
  return merge:link(lb), { { other, 0, 4 } }
end)

sample("balance-and-filter", "a load balancer whose branch 0 goes through a filter", function(input, stem, second)
  local lb = Brick.new("LoadBalancer", 2):connect_input(input):connect_outputs(stem, 4)
  local filter = Brick.new("Filter", second):connect_input(stem .. "}0"):connect_output(stem .. "{4")
  return lb:link(filter), { { stem, 1, 4 } }
end)

sample("balance-merge-write", "a load balancer, a merge and a pcap writer in a row", function(input, stem, second)
  local lb = Brick.new("LoadBalancer", 2):connect_input(input):connect_outputs(stem, 2)
  local merge = Brick.new("Merge"):connect_input(stem .. "}0", stem .. "}1"):connect_output(stem .. "{2")
  local file = second or stem .. "-merged.pcap"
  local writer = Brick.new("PcapWriter"):connect_input(stem .. "}2"):connect_output(file)
  return lb:link(merge:link(writer)), {}, { file }
end)

sample("balance-and-write", "a load balancer with pcap writers on two of its four branches", function(input, stem, second)
  local lb = Brick.new("LoadBalancer", 2):connect_input(input):connect_outputs(stem, 4)
  local base = second and second:gsub("%.[^./]*$", "") or stem
  local files = {}
  for branch = 0, 1 do
    files[#files + 1] = string.format("%s-branch-%d.pcap", base, branch)
    lb:link(Brick.new("PcapWriter"):connect_input(stem .. "}" .. branch):connect_output(files[#files]))
  end
  return lb, { { stem, 2, 2 } }, files
end)

sample("read-files", "capture files played into a pipe", function(input, stem)
  if not setup.looks_like_file(input) then setup.usage(samples.usage, "The set-up read-files needs a capture file or a directory of them.") end
  return Brick.new("PcapReader"):connect_input(input):connect_output(stem .. "{0"), { { stem, 0, 1 } }
end)

sample("dummy", "a brick that passes everything on, for performance tests", function(input, stem)
  return Brick.new("Dummy"):connect_input(input):connect_output(stem .. "{0"), { { stem, 0, 1 } }
end)

local lines = { "bricks -f sample-setups.lua -- NAME INTERFACE|FILE [SECOND]", "", "NAME is one of:" }
for _, name in ipairs(samples.names) do lines[#lines + 1] = string.format("  %-22s %s", name, samples[name].text) end
samples.usage = table.concat(lines, "\n")

--- Builds a set-up and starts it. Gives the engine.
function samples.run(name, input, second)
  local chosen = samples.names[tonumber(name)] or name
  if type(samples[chosen]) ~= "table" or not samples[chosen].build then
    setup.usage(samples.usage, "There is no set-up " .. tostring(name) .. ".")
  end
  setup.hints(input)
  local brick, pipes, files, interface = samples[chosen].build(input, setup.stem(input), second)
  local engine = PktEngine.new("e0", BUFFER_SZ)
  engine:link(brick):start()
  print("Running: " .. samples[chosen].text .. ".")
  setup.explain_ranges(pipes, input)
  if interface then print("Packets are also sent to " .. interface .. ".") end
  if files and #files > 0 then print("Packets are written to " .. table.concat(files, " and ") .. ".") end
  return engine
end

-- In a shell arg has no script; then this file only gives its table.
if arg and arg[0] then
  if not arg[1] then setup.usage(samples.usage, "No set-up was named.") end
  local input = setup.input(samples.usage, 2)
  setup.watch({ samples.run(arg[1], input, arg[3]) })
end

return samples
