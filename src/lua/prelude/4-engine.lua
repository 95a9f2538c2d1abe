-- PktEngine: packet engines. They belong to the program, so every script and shell finds the same ones.
local host = ...
local base = host.base
local ipairs, pairs, print, type, tostring, format = ipairs, pairs, print, type, tostring, string.format

local methods = {}
local make
-- The same engine is the same object.
local known = {}

local function command(self, verb, what)
  local engine = base.contents(self)
  if engine.deleted then base.fail("%s: engine %s was deleted", what, engine.name) end
  return base.command({ command = verb, name = engine.name }, what)
end

local function release(engine)
  for _, brick in ipairs(engine.bricks) do base.contents(brick).engine = nil end
  engine.bricks = {}
end

-- The options of link in a table.
local function link_options(what, given)
  for key in pairs(given) do
    if key ~= "batch" and key ~= "queue" and key ~= "qid" then base.fail("%s: unknown option %q; the options are batch and queue", what, tostring(key)) end
  end
  return given.batch, given.queue or given.qid
end

-- A brick, as commands have it.
local function specification(content)
  return { id = content.id, kind = content.kind, name = content.name, options = content.options, inputs = content.inputs, outputs = content.outputs }
end

-- Gives bricks to an engine: `link` adds them to those that it has, `relink` puts them in their place.
local function link(what, self, roots, batch, queue)
  for index, brick in ipairs(roots) do
    if base.kind(brick) ~= "Brick" then base.wrong(what, index, "brick", "a Brick", brick) end
  end
  if type(batch) == "table" then batch, queue = link_options(what, batch) end
  if batch ~= nil then batch = base.integer(what, 2, "batch", batch, 1) end
  if queue ~= nil then queue = base.integer(what, 3, "queue", queue, -1) end
  if queue == -1 then queue = nil end
  local engine = base.contents(self)
  if engine.deleted then base.fail("%s: engine %s was deleted", what, engine.name) end

  local found = host.reachable(roots)
  local specifications = {}
  for index, object in ipairs(found) do
    if what == "link" or base.contents(object).engine ~= engine.name then host.must_be_free(what, object) end
    specifications[index] = specification(base.contents(object))
  end
  base.command({
    command = "engine." .. what, name = engine.name,
    bricks = specifications, batch = batch, queue = queue,
  }, what)
  if what == "relink" then release(engine) end
  for _, object in ipairs(found) do
    host.settle(base.contents(object), engine.name)
    engine.bricks[#engine.bricks + 1] = object
  end
  return self
end

-- pe:link(brick [, batch [, queue]]); also pe:link(brick, { batch = 256, queue = 0 }).
function methods.link(self, brick, batch, queue)
  if base.kind(brick) ~= "Brick" then base.wrong("link", 1, "brick", "a Brick", brick) end
  return link("link", self, { brick }, batch, queue)
end

-- pe:relink(brick, ...); also pe:relink({ brick, ... }, { batch = 256, queue = 0 }).
function methods.relink(self, first, ...)
  if type(first) == "table" and base.kind(first) ~= "Brick" then
    if #first == 0 then base.wrong("relink", 1, "bricks", "a Brick or a table of them", first) end
    return link("relink", self, first, ...)
  end
  if base.kind(first) ~= "Brick" then base.wrong("relink", 1, "brick", "a Brick", first) end
  return link("relink", self, { first, ... })
end

-- Changes an engine's graph, and takes over what its bricks are then.
local function edit(what, self, change)
  local engine = base.contents(self)
  if engine.deleted then base.fail("%s: engine %s was deleted", what, engine.name) end
  local bricks = base.command({ command = "engine.edit", name = engine.name, edit = change }, what)
  for _, now in ipairs(bricks) do
    for _, object in ipairs(engine.bricks) do
      local brick = base.contents(object)
      if brick.id == now.id then brick.options, brick.inputs, brick.outputs = now.options or {}, now.inputs or {}, now.outputs or {} end
    end
  end
  return self
end

-- The contents of a brick that is part of the engine.
local function own_brick(what, self, index, brick)
  if base.kind(brick) ~= "Brick" then base.wrong(what, index, "brick", "a Brick", brick) end
  local engine, content = base.contents(self), base.contents(brick)
  if content.engine ~= engine.name then base.fail("%s: this %s is not linked to engine %s; call pe:link first", what, content.kind, engine.name) end
  return content
end

local function edit_outputs(what, change)
  return function(self, brick, ...)
    local content = own_brick(what, self, 1, brick)
    local given = { ... }
    local options
    if change == "addOutputs" and #given > 1 and type(given[#given]) == "table" then options = table.remove(given) end
    if type(given[1]) == "table" then given = given[1] end
    if #given == 0 then base.wrong(what, 2, "link", "a link name such as \"eth3{4\"", nil) end
    local links = {}
    for index, link in ipairs(given) do links[index] = base.string(what, index + 1, "link", "a link name such as \"eth3{4\"", link) end
    return edit(what, self, { edit = change, brick = content.id, links = links, options = options })
  end
end

-- pe:add_output(brick, link, ...) and pe:remove_output(brick, link, ...). Behind the links of new outputs may stand what they get of options that
-- are lists over the outputs: pe:add_output(lb, "eth3{4", { weights = 2 }).
methods.add_output = edit_outputs("add_output", "addOutputs")
methods.remove_output = edit_outputs("remove_output", "removeOutputs")

-- pe:set(brick, options): those that are given; also pe:set(filter, "tcp port 80").
function methods.set(self, brick, options)
  local content = own_brick("set", self, 1, brick)
  if options == nil then base.wrong("set", 2, "options", "a number, a string or a table of options", options) end
  return edit("set", self, { edit = "setOptions", brick = content.id, options = options })
end

-- pe:insert(brick, before): in front of another one, whose inputs it gets.
function methods.insert(self, brick, before)
  if base.kind(brick) ~= "Brick" then base.wrong("insert", 1, "brick", "a Brick", brick) end
  local next_one = own_brick("insert", self, 2, before)
  host.must_be_free("insert", brick)
  local engine, content = base.contents(self), base.contents(brick)
  engine.bricks[#engine.bricks + 1] = brick
  local done, failure = pcall(edit, "insert", self, { edit = "insert", brick = specification(content), before = next_one.id })
  if not done then
    engine.bricks[#engine.bricks] = nil
    error(failure, 0)
  end
  host.settle(content, engine.name)
  return self
end

-- pe:remove(brick): those around it are joined.
function methods.remove(self, brick)
  local content = own_brick("remove", self, 1, brick)
  edit("remove", self, { edit = "remove", brick = content.id })
  local engine = base.contents(self)
  for index, object in ipairs(engine.bricks) do
    if object == brick then table.remove(engine.bricks, index) break end
  end
  content.engine = nil
  return self
end

function methods.unlink(self)
  command(self, "engine.unlink", "unlink")
  release(base.contents(self))
  return self
end

function methods.start(self)
  command(self, "engine.start", "start")
  return self
end

function methods.stop(self)
  command(self, "engine.stop", "stop")
  return self
end

function methods.delete(self)
  command(self, "engine.delete", "delete")
  local engine = base.contents(self)
  release(engine)
  engine.deleted = true
  known[engine.name] = nil
  return self
end

-- pe:bricks(): those of another script or shell, too.
function methods.bricks(self)
  local graph = command(self, "engine.graph", "bricks")
  local engine = base.contents(self)
  local before = {}
  for _, object in ipairs(engine.bricks) do before[base.contents(object).id] = object end
  local found, shown = {}, {}
  for index, one in ipairs(graph.bricks) do
    local object = before[one.id] or host.brick_object(one)
    before[one.id] = nil
    local brick = base.contents(object)
    brick.options, brick.inputs, brick.outputs, brick.engine = one.options or {}, one.inputs or {}, one.outputs or {}, engine.name
    found[index], shown[index] = object, object
  end
  for _, object in pairs(before) do base.contents(object).engine = nil end
  engine.bricks = found
  return shown
end

function methods.stats(self) return command(self, "engine.stats", "stats") end
function methods.audit(self) return command(self, "engine.audit", "audit") end

function methods.show_stats(self)
  print(command(self, "engine.show", "show_stats"))
  return self
end

function methods.help() return host.engine_help() end

make = base.class("PktEngine", methods, function(self)
  local engine = base.contents(self)
  if engine.deleted then return format("PktEngine %s (deleted)", engine.name) end
  local answer = host.command({ command = "engine.stats", name = engine.name })
  local state = "gone"
  if answer.ok and type(answer.value) == "table" then state = answer.value.running and "running" or "stopped" end
  return format("PktEngine %s (%s)", engine.name, state)
end)

local function object_for(name)
  local object = known[name]
  if not object then
    object = make({ name = name, bricks = {} })
    known[name] = object
  end
  return object
end

local functions = {}

-- PktEngine.new(name [, buffer_size [, cpu]]); also PktEngine.new{ name = "e0", cpu = 1 }.
function functions.new(name, buffer_size, cpu)
  local what = "PktEngine.new"
  local options
  if type(name) == "table" then
    local given = name
    name, buffer_size, cpu = given.name, given.buffer_size or given.bufferSize, given.cpu
    for key, value in pairs(given) do
      if key ~= "name" and key ~= "buffer_size" and key ~= "bufferSize" and key ~= "cpu" then
        options = options or {}
        options[key] = value
      end
    end
  end
  base.string(what, 1, "name", "the name of the engine, a string", name)
  if buffer_size ~= nil then buffer_size = base.integer(what, 2, "buffer_size", buffer_size, 1) end
  if cpu ~= nil then cpu = base.integer(what, 3, "cpu", cpu, -1) end
  if cpu == -1 then cpu = nil end
  base.command({ command = "engine.create", name = name, bufferSize = buffer_size, cpu = cpu, options = options }, what)
  known[name] = nil  -- an object of a deleted engine of this name stays what it was
  return object_for(name)
end

function functions.retrieve(name)
  local what = "PktEngine.retrieve"
  base.string(what, 1, "name", "the name of an engine, a string", name)
  if base.command({ command = "engine.exists", name = name }, what) ~= true then return end
  return object_for(name)
end

function host.engine_help()
  base.print_columns({
    { "PktEngine.new(name [, buffer_size [, cpu]])", "creates an engine; cpu -1 means no pinning" },
    { "PktEngine.retrieve(name)", "returns the engine of that name, or nil" },
    { "pe:link(brick [, batch [, qid]])", "adds a brick and all bricks below it; qid selects one hardware queue" },
    { "pe:relink(brick, ...)", "puts these bricks in the place of those it has, also while it runs; no packet is lost" },
    { "pe:add_output(brick, link, ...)", "gives a brick more outputs, also while it runs; a last { weights = 2 } says what they weigh" },
    { "pe:remove_output(brick, link, ...)", "takes outputs from a brick" },
    { "pe:set(brick, options)", "changes options of a brick" },
    { "pe:insert(brick, before)", "puts a brick in front of another one" },
    { "pe:remove(brick)", "takes a brick out of a chain" },
    { "pe:bricks()", "returns its bricks as a table, also those that another script or shell has linked" },
    { "pe:unlink()", "undoes link and closes the links" },
    { "pe:start()", "starts the packet flow" },
    { "pe:stop()", "stops the packet flow" },
    { "pe:delete()", "removes the engine" },
    { "pe:show_stats()", "prints packets, bytes and drops" },
    { "pe:stats()", "returns the same as a table" },
    { "pe:audit()", "checks that every packet is accounted for" },
    { "PktEngine.help()", "this text" },
  }, 2)
  host.print_engine_options()
end

-- The names of the engines that a script has made or retrieved.
function host.engine_names() return base.sorted_keys(known) end
functions.help = host.engine_help

PktEngine = base.module("PktEngine", functions)
