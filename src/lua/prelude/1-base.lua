-- What the other parts of the prelude share: errors, checks of arguments, objects.
-- `host` has the functions of the program: command, sleep, pause, exit, and what these files add.
local host = ...

local error, type, tostring, tonumber, rawequal, select = error, type, tostring, tonumber, rawequal, select
local getinfo, format, floor = debug.getinfo, string.format, math.floor
local pairs, ipairs, next, setmetatable, getmetatable, newproxy = pairs, ipairs, next, setmetatable, getmetatable, newproxy
local concat, sort, print = table.concat, table.sort, print

local base = {}
host.base = base

-- Raises an error at the line of the script that called into the prelude.
local function fail(text, ...)
  local message = select("#", ...) > 0 and format(text, ...) or text
  local level = 2
  while true do
    local info = getinfo(level, "Sl")
    if not info then break end
    if info.currentline > 0 and info.source:sub(1, 8) ~= "=[bricks" then
      message = info.short_src .. ":" .. info.currentline .. ": " .. message
      break
    end
    level = level + 1
  end
  error(message, 0)
end
base.fail = fail

-- Sends a command to the program and waits for the answer.
function base.command(command, what)
  local answer = host.command(command)
  if not answer.ok then
    fail("%s: %s [%s]", what, answer.message or "the command failed", answer.code or "E_INTERNAL")
  end
  return answer.value
end

-- Objects are userdata, so that a script can't break them by a stray assignment. What they hold is here.
local contents = setmetatable({}, { __mode = "k" })
local kinds = setmetatable({}, { __mode = "k" })

function base.contents(object) return contents[object] end
function base.kind(value) return kinds[value] end

-- The contents of all objects of a kind, with the objects.
function base.each(kind)
  local object
  return function()
    repeat object = next(contents, object) until object == nil or kinds[object] == kind
    return object, contents[object]
  end
end

local function describe(value)
  local kind = kinds[value]
  if kind then return "a " .. kind end
  kind = type(value)
  if kind == "nil" then return "nothing (nil)" end
  if kind == "string" then
    return #value > 40 and format("the string %q...", value:sub(1, 40)) or format("the string %q", value)
  end
  if kind == "number" or kind == "boolean" then return "the " .. kind .. " " .. tostring(value) end
  return "a " .. kind
end
base.describe = describe

function base.wrong(what, index, name, expected, value)
  fail("%s: argument %d (%s) must be %s, but it is %s", what, index, name, expected, describe(value))
end
local wrong = base.wrong

function base.string(what, index, name, expected, value)
  if type(value) ~= "string" or value == "" then wrong(what, index, name, expected, value) end
  return value
end

-- A whole number, also as a string: scripts read them from files.
function base.integer(what, index, name, value, minimum, maximum)
  local number = type(value) ~= "boolean" and tonumber(value)
  if maximum and number and number > maximum then
    wrong(what, index, name, format("an integer from %d to %d", minimum, maximum), value)
  end
  if not number or number ~= floor(number) or number < minimum or number > 2 ^ 31 - 1 then
    wrong(what, index, name, "an integer of at least " .. minimum, value)
  end
  return number
end

local function distance(a, b)
  local previous = {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local current = { [0] = i }
    for j = 1, #b do
      local step = a:byte(i) == b:byte(j) and 0 or 1
      current[j] = math.min(previous[j - 1] + step, previous[j] + 1, current[j - 1] + 1)
    end
    previous = current
  end
  return previous[#b]
end

-- The name nearest to a misspelt one, or nil when none is near.
local function nearest(word, names)
  local best, least
  for _, name in ipairs(base.sorted_keys(names)) do
    local steps = distance(word:lower(), name:lower())
    if steps <= math.max(1, floor((#word + 1) / 3)) and steps < #word and (not least or steps < least) then best, least = name, steps end
  end
  return best
end
base.nearest = nearest

-- Asking for what is not there gives nil, as usual in Lua, but a slip of the pen gets an answer.
local function missing(owner, names, key)
  if type(key) == "string" then
    local guess = nearest(key, names)
    if guess then fail("%s has no %q. Did you mean %q?", owner, key, guess) end
  end
  return nil
end

-- A global table whose functions may be called with a dot or a colon.
function base.module(name, functions, values)
  local module = {}
  for key, implementation in pairs(functions) do
    module[key] = function(first, ...)
      if rawequal(first, module) then return implementation(...) end
      return implementation(first, ...)
    end
  end
  for key, value in pairs(values or {}) do module[key] = value end
  return setmetatable(module, {
    __index = function(_, key) return missing(name, module, key) end,
    __tostring = function() return name end,
  })
end

-- A class of objects, whose methods may be called with a dot or a colon too.
-- Returns the function that makes one from its contents.
function base.class(kind, methods, tostring_of)
  local names = {}
  for name in pairs(methods) do names[#names + 1] = name end
  sort(names)
  base.methods = base.methods or {}
  base.methods[kind] = names

  local function index(object, key)
    local method = methods[key]
    if not method then return missing(kind, methods, key) end
    return function(first, ...)
      if rawequal(first, object) then return method(object, ...) end
      return method(object, first, ...)
    end
  end

  local prototype = newproxy(true)
  local metatable = getmetatable(prototype)
  metatable.__index = index
  metatable.__newindex = function(_, key) fail("%s takes no fields of its own (%s)", kind, tostring(key)) end
  metatable.__tostring = tostring_of
  metatable.__metatable = kind

  return function(content)
    local object = newproxy(prototype)
    contents[object] = content
    kinds[object] = kind
    return object
  end
end

-- Prints rows of cells in columns: the first ones to the left, numbers to the right.
function base.print_columns(rows, left)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, cell in ipairs(row) do widths[column] = math.max(widths[column] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for column, cell in ipairs(row) do
      local blank = (" "):rep(widths[column] - #cell)
      cells[column] = column <= left and cell .. blank or blank .. cell
    end
    print((concat(cells, "  "):gsub("%s+$", "")))
  end
end

function base.sorted_keys(values)
  local keys = {}
  for key in pairs(values) do keys[#keys + 1] = key end
  sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end
