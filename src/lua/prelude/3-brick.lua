-- Brick: a description of a brick and of what is chained below it. Nothing is opened before pe:link.
local host = ...
local base = host.base
local ipairs, pairs, type, select, tonumber, tostring, format = ipairs, pairs, type, select, tonumber, tostring, string.format
local print = print

-- As many as a brick can tell apart.
local MOST_OUTPUTS = 65536

local next_id = host.settings.firstBrick
-- Those with links that no engine was given yet, by their number. Enough to name what was forgotten: they stay in memory.
local loose, loose_count = {}, 0
local MOST_LOOSE = 64
local make

-- The engine that a brick is part of: another script may have unlinked or deleted it.
local function engine_of(brick)
  if brick.engine then
    local answer = host.command({ command = "engine.exists", name = brick.engine, brick = brick.id })
    if answer.ok and answer.value ~= true then brick.engine = nil end
  end
  return brick.engine
end

local function must_be_free(what, brick)
  local engine = engine_of(brick)
  if engine then
    base.fail("%s: this %s is already linked to engine %s; call unlink on the engine first", what, brick.kind, engine)
  end
end

-- Appends link names to a list; takes them one by one or as a table.
local function append_links(what, self, list, ...)
  local brick = base.contents(self)
  must_be_free(what, brick)
  if select("#", ...) == 0 then base.wrong(what, 1, "link", "a link name such as \"eth3\" or \"eth3{0\"", nil) end
  local names = {}
  for index = 1, select("#", ...) do
    local given = select(index, ...)
    local items = type(given) == "table" and given or { given }
    if #items == 0 then base.wrong(what, index, "link", "a link name such as \"eth3\" or \"eth3{0\"", given) end
    for _, name in ipairs(items) do
      names[#names + 1] = base.string(what, index, "link", "a link name such as \"eth3\" or \"eth3{0\"", name)
    end
  end
  for _, name in ipairs(names) do brick[list][#brick[list] + 1] = name end
  if not loose[brick.id] and loose_count < MOST_LOOSE then
    loose[brick.id] = brick
    loose_count = loose_count + 1
  end
  return self
end

local methods = {}

function methods.connect_input(self, ...) return append_links("connect_input", self, "inputs", ...) end
function methods.connect_output(self, ...) return append_links("connect_output", self, "outputs", ...) end

function methods.connect_outputs(self, interface, count)
  local what = "connect_outputs"
  base.string(what, 1, "interface", "the name of an interface", interface)
  local number = base.integer(what, 2, "count", count, 1, MOST_OUTPUTS)
  local names = {}
  for index = 0, number - 1 do names[#names + 1] = interface .. "{" .. format("%d", index) end
  return append_links(what, self, "outputs", names)
end

function methods.link(self, ...)
  local what = "link"
  local brick = base.contents(self)
  must_be_free(what, brick)
  if select("#", ...) == 0 then base.wrong(what, 1, "brick", "a Brick", nil) end
  for index = 1, select("#", ...) do
    local other = select(index, ...)
    if base.kind(other) ~= "Brick" then base.wrong(what, index, "brick", "a Brick", other) end
    if other == self then base.fail("%s: argument %d is the brick itself", what, index) end
    must_be_free(what, base.contents(other))
  end
  for index = 1, select("#", ...) do
    local other = select(index, ...)
    local known = false
    for _, child in ipairs(brick.children) do known = known or child == other end
    if not known then brick.children[#brick.children + 1] = other end
  end
  return self
end

function methods.stats(self)
  local brick = base.contents(self)
  local engine = engine_of(brick)
  if not engine then base.fail("stats: this %s is not linked to an engine yet; call pe:link first", brick.kind) end
  local counted = base.command({ command = "engine.stats", name = engine }, "stats")
  for _, candidate in ipairs(counted.bricks or {}) do
    if candidate.id == brick.id then return candidate end
  end
  base.fail("stats: engine %s does not know this %s", engine, brick.kind)
end

-- Calls a method of the brick's control half, and returns what that returns.
function methods.call(self, method, ...)
  local what = "call"
  base.string(what, 1, "method", "the name of a method", method)
  local brick = base.contents(self)
  local engine = engine_of(brick)
  if not engine then base.fail("call: this %s is not linked to an engine yet; call pe:link first", brick.kind) end
  return base.command({ command = "brick.call", name = engine, id = brick.id, method = method, values = { ... } }, what)
end

-- Short for call: what a Filter with rules takes.
function methods.add(self, rule) return methods.call(self, "add", rule) end
function methods.remove(self, id) return methods.call(self, "remove", id) end
function methods.rules(self, most) return methods.call(self, "rules", most) end

function methods.help() return host.brick_help() end

make = base.class("Brick", methods, function(self)
  local brick = base.contents(self)
  local parts = { "Brick " .. brick.kind }
  if #brick.inputs > 0 then parts[#parts + 1] = "from " .. table.concat(brick.inputs, ", ") end
  if #brick.outputs > 0 then
    local shown = #brick.outputs > 6 and format("%d links", #brick.outputs) or table.concat(brick.outputs, ", ")
    parts[#parts + 1] = "to " .. shown
  end
  if brick.engine then parts[#parts + 1] = "in " .. brick.engine end
  return table.concat(parts, " ")
end)

local functions = {}

-- Loads a module of your own, and returns the names of its bricks.
function functions.load(file)
  base.string("Brick.load", 1, "file", "the path of a module", file)
  return base.command({ command = "brick.load", file = file }, "Brick.load")
end

function functions.new(kind, options)
  local what = "Brick.new"
  base.string(what, 1, "kind", "the name of a kind of brick", kind)
  local given = type(options)
  if options ~= nil and given ~= "number" and given ~= "string" and given ~= "table" then
    base.wrong(what, 2, "options", "a number, a string or a table of options", options)
  end
  if given == "string" and tonumber(options) then options = tonumber(options) end
  local checked = base.command({ command = "brick.check", kind = kind, options = options }, what)
  local brick = { id = next_id, kind = checked.kind or kind, options = checked.options or {}, inputs = {}, outputs = {}, children = {} }
  next_id = next_id + 1
  return make(brick)
end

-- The object of a brick that another script has made.
function host.brick_object(one)
  return make({ id = one.id, kind = one.kind, name = one.name, options = one.options or {}, inputs = {}, outputs = {}, children = {} })
end

-- All bricks reachable from some, in the order in which they are found.
function host.reachable(roots)
  local found, seen = {}, {}
  local queue, head = {}, 1
  for _, root in ipairs(roots) do
    if not seen[root] then queue[#queue + 1] = root end
    seen[root] = true
  end
  while queue[head] do
    local object = queue[head]
    head = head + 1
    found[#found + 1] = object
    for _, child in ipairs(base.contents(object).children) do
      if not seen[child] then
        seen[child] = true
        queue[#queue + 1] = child
      end
    end
  end
  return found
end

-- A brick has an engine now.
function host.settle(brick, engine)
  brick.engine = engine
  if loose[brick.id] then
    loose[brick.id] = nil
    loose_count = loose_count - 1
  end
end

-- Bricks that were given links and no engine, as texts: what a script has forgotten.
function host.loose()
  local texts = {}
  for _, id in ipairs(base.sorted_keys(loose)) do
    local brick = loose[id]
    texts[#texts + 1] = #brick.inputs > 0 and brick.kind .. " from " .. table.concat(brick.inputs, ", ") or brick.kind
  end
  return texts
end

-- The links of all bricks that there are.
function host.link_names()
  local inputs, outputs = {}, {}
  for _, brick in base.each("Brick") do
    for _, name in ipairs(brick.inputs) do inputs[#inputs + 1] = name end
    for _, name in ipairs(brick.outputs) do outputs[#outputs + 1] = name end
  end
  return inputs, outputs
end

host.must_be_free = function(what, object) must_be_free(what, base.contents(object)) end

-- Brick.help() lists the commands and the kinds; Brick.help("Filter") explains one kind.
function host.brick_help(kind)
  if kind ~= nil then
    base.string("Brick.help", 1, "kind", "the name of a kind of brick", kind)
    host.print_declaration(base.command({ command = "brick.describe", kind = kind }, "Brick.help"))
    return
  end
  base.print_columns({
    { "Brick.new(kind [, options])", "creates a brick; options are a number, a string or a table" },
    { "b:connect_input(link, ...)", "takes packets from these links" },
    { "b:connect_output(link, ...)", "sends packets to these links; call it again to add more" },
    { "b:connect_outputs(iface, n)", "short for the pipes iface{0 ... iface{n-1" },
    { "b:add(rule)", "of a Filter with rules: adds a rule, and returns its id" },
    { "b:remove(id)", "removes a rule" },
    { "b:rules(most)", "lists rules, with packets and bytes" },
    { "b:link(brick, ...)", "puts bricks below this one" },
    { "b:stats()", "returns what the brick has counted, as a table" },
    { "Brick.help([kind])", "prints this text, or the options of one kind" },
  }, 2)
  local answer = host.command({ command = "brick.describe" })
  if not answer.ok or type(answer.value) ~= "table" then return end
  print("Kinds of bricks:")
  local rows = {}
  for _, declaration in pairs(answer.value) do
    if type(declaration) == "table" then
      rows[#rows + 1] = { "  " .. (declaration.name or "?"), declaration.summary or "" }
    end
  end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  base.print_columns(rows, 2)
end
functions.help = host.brick_help

Brick = base.module("Brick", functions)
