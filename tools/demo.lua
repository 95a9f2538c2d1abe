--- The demonstration's set-up: splits an input over pipes, and answers on standard output.
---     bricks -f tools/demo.lua -- INPUT STEM OUTPUTS
--- For each line on standard input it prints a line of statistics; at the end of the input it stops the engine.
local input, stem, outputs = arg[1], arg[2], tonumber(arg[3])

local balancer = Brick.new("LoadBalancer", { tuple = 4 })
balancer:connect_input(input):connect_outputs(stem, outputs)
local engine = PktEngine.new("demo")
engine:link(balancer):start()

local function report(word)
  local stats = engine:stats()
  print(word, stats.packets, stats.bytes, stats.drops)
  io.stdout:flush()
end

report("started")
for _ in io.lines() do report("now") end
engine:stop()
report("stopped")
local stats, audit = engine:stats(), engine:audit()
for _, link in ipairs(stats.links) do
  local reasons = {}
  for reason, count in pairs(link.drops) do reasons[#reasons + 1] = reason .. "=" .. count end
  print("link", link.role, link.name, link.packets, link.bytes, #reasons > 0 and table.concat(reasons, ",") or "-")
end
print("audit", tostring(audit.balanced), audit.received, audit.sent, audit.dropped)
engine:delete()
