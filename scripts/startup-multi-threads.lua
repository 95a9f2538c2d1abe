--- Four engines, each with a thread and a CPU of its own, that share one interface: each takes its part of the
--- flows and splits it over four pipes. With netmap the parts are hardware queues, over which the card
--- spreads the flows; with pcap they are those of a LoadBalancer with four outputs, on any interface.
---
---     bricks -f scripts/startup-multi-threads.lua -- eth3
---
--- With netmap an interface with fewer queues gets fewer engines. A capture file has no parts: give as many
--- files as there should be engines.
---
---     bricks -f scripts/startup-multi-threads.lua -- one.pcap two.pcap
local setup = require("lib.setup")

local USAGE = "bricks -f startup-multi-threads.lua -- INTERFACE|FILE..."
local ENGINES = 4
local BUFFER_SZ = 1024
local BATCH = 256
local OUTPUTS = 4

local input, stem = setup.input(USAGE)
setup.hints(input)

-- What each engine reads: { input, queue }; queue -1 means all of them.
local parts = {}
if setup.looks_like_file(input) then
  parts[1] = { input, -1 }
  for position = 2, math.min(#arg, ENGINES) do parts[position] = { (setup.input(USAGE, position)), -1 } end
else
  -- pcap shares any interface; "queue" then is the number of a share.
  local queues = BRICKS.backend() ~= "pcap" and setup.queue_count(input) or ENGINES
  if queues < ENGINES then
    print(string.format("Note: %s has %d hardware queue%s, so %d engine%s will run.", input, queues, queues > 1 and "s" or "", queues, queues > 1 and "s" or ""))
  end
  for queue = 0, math.min(queues, ENGINES) - 1 do parts[#parts + 1] = { input, queues > 1 and queue or -1 } end
end

local cpus = setup.cpu_count()
local engines = {}
for number, part in ipairs(parts) do
  local lb = Brick.new("LoadBalancer", 2):connect_input(part[1])
  lb:connect_output(unpack(setup.pipes(stem, (number - 1) * OUTPUTS, OUTPUTS)))
  local engine = PktEngine.new("e" .. number - 1, BUFFER_SZ, (number - 1) % cpus)
  engine:link(lb, BATCH, part[2])
  engines[number] = engine
end
-- Start when all of them are ready, so that no queue runs alone.
for _, engine in ipairs(engines) do engine:start() end

setup.explain(stem, 0, #parts * OUTPUTS, input)
setup.watch(engines)
