-- Tables of what engines, links and bricks have counted.
local host = ...
local base = host.base
local print = print
local format, ipairs, pairs, type, tostring = string.format, ipairs, pairs, type, tostring
local statistics = {}
host.statistics = statistics

-- Adds the drops of a link or brick, by reason, to a list of lines { where, reason, packets }.
local function collect(lines, where, drops)
  if type(drops) ~= "table" then return end
  for _, reason in ipairs(base.sorted_keys(drops)) do
    local count = drops[reason]
    if type(count) == "number" and count > 0 then lines[#lines + 1] = { where, reason, count } end
  end
end

local function drops_of(engine, prefix)
  local lines = {}
  for _, link in ipairs(engine.links or {}) do collect(lines, prefix .. link.name, link.drops) end
  for _, brick in ipairs(engine.bricks or {}) do
    collect(lines, prefix .. (brick.label or format("%s %s", brick.kind, tostring(brick.id))), brick.drops)
  end
  return lines
end

local function print_drops(lines)
  if #lines == 0 then return end
  print("Drops:")
  for _, line in ipairs(lines) do
    local reason = host.reasons[line[2]]
    local text = reason and reason.text or line[2]
    if reason and reason.remedy ~= "" then text = text .. ": " .. reason.remedy end
    print(format("  %s  %s  (%s)", line[1], base.number(line[3]), text))
  end
end

-- What kept engines from doing all of their work.
local function print_faults(engine)
  for _, fault in ipairs(engine.faults or {}) do print(format("Fault: %s", fault.message)) end
end

local function row(name, what, counted)
  return { name, what, base.number(counted.packets), base.number(counted.bytes), base.number(counted.drops) }
end

-- One engine: a row for each link, and its totals.
function statistics.print_engine(engine)
  local rows = { { "LINK", "ROLE", "PACKETS", "BYTES", "DROPS" } }
  for _, link in ipairs(engine.links or {}) do
    rows[#rows + 1] = { link.name, link.role or "", base.number(link.packets), base.number(link.bytes), base.number(link.dropped) }
  end
  rows[#rows + 1] = row("total", "", engine)
  print(format("Engine %s (%s)", engine.name, engine.running and "running" or "stopped"))
  base.print_columns(rows, 2)
  print_drops(drops_of(engine, ""))
  print_faults(engine)
end

-- All engines: a row for each, and the totals of all.
function statistics.print_all(engines)
  local rows = { { "ENGINE", "STATE", "PACKETS", "BYTES", "DROPS" } }
  local total = { packets = 0, bytes = 0, drops = 0 }
  local lines = {}
  for _, engine in ipairs(engines) do
    rows[#rows + 1] = row(engine.name, engine.running and "running" or "stopped", engine)
    for key, sum in pairs(total) do total[key] = sum + (engine[key] or 0) end
    for _, line in ipairs(drops_of(engine, engine.name .. " ")) do lines[#lines + 1] = line end
  end
  rows[#rows + 1] = row("total", "", total)
  base.print_columns(rows, 2)
  print_drops(lines)
  for _, engine in ipairs(engines) do print_faults(engine) end
end
