--- One engine, one thread: reads an input and splits it over four pipes.
---
---     bricks -f scripts/startup-one-thread.lua -- eth3
---
--- In the shell that follows: BRICKS.show_stats(), pe:show_stats(), pe:stop(), pe:delete().
local setup = require("lib.setup")

local USAGE = "bricks -f startup-one-thread.lua -- INTERFACE|FILE"
local BUFFER_SZ = 1024  -- packets that the engine holds
local BATCH = 256       -- packets handled at a time
local OUTPUTS = 4

local input, stem = setup.input(USAGE)
setup.hints(input)

local lb = Brick.new("LoadBalancer", 2)
lb:connect_input(input)
lb:connect_outputs(stem, OUTPUTS)

local pe = PktEngine.new("e0", BUFFER_SZ)
pe:link(lb, BATCH)
pe:start()

setup.explain(stem, 0, OUTPUTS, input)
setup.watch({ pe })
