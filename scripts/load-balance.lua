--- Splits an input over pipes, flow by flow: all packets of a connection reach the same pipe.
---
---     bricks -f scripts/load-balance.lua -- eth3 4
---
--- TUPLE names the split: 2 by addresses, 4 (the default) by addresses and ports.
local setup = require("lib.setup")

local USAGE = "bricks -f load-balance.lua -- INTERFACE|FILE [OUTPUTS [TUPLE]]"
local BUFFER_SZ = 1024

local input, stem = setup.input(USAGE)
local outputs = setup.count(USAGE, 2, 4)
local tuple = setup.count(USAGE, 3, 4, "TUPLE", "BRICKS_TUPLE")
if tuple ~= 2 and tuple ~= 4 then setup.usage(USAGE, "TUPLE must be 2 (split by addresses) or 4 (by addresses and ports), got " .. tuple .. ".") end

setup.hints(input)
local balancer = Brick.new("LoadBalancer", tuple):connect_input(input):connect_outputs(stem, outputs)
local engine = PktEngine.new("e0", BUFFER_SZ)
engine:link(balancer):start()
setup.explain(stem, 0, outputs, input)
setup.watch({ engine })
