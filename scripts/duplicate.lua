--- Gives every packet of an input to each of several pipes.
---
---     bricks -f scripts/duplicate.lua -- eth3 4
local setup = require("lib.setup")

local USAGE = "bricks -f duplicate.lua -- INTERFACE|FILE [OUTPUTS]"
local BUFFER_SZ = 1024

local input, stem = setup.input(USAGE)
local outputs = setup.count(USAGE, 2, 4)

setup.hints(input)
local duplicator = Brick.new("Duplicator"):connect_input(input):connect_outputs(stem, outputs)
local engine = PktEngine.new("e0", BUFFER_SZ)
engine:link(duplicator):start()
setup.explain(stem, 0, outputs, input)
setup.watch({ engine })
