-- What the program calls: running a script, evaluating a line of the shell, completing a word.
local host = ...
local base = host.base
local type, select, pairs, ipairs, rawget, string = type, select, pairs, ipairs, rawget, string
local loadstring, error, unpack, format, floor = loadstring, error, unpack, string.format, math.floor
local values = base.values
local globals, package, time, open, sort = _G, package, os.time, io.open, table.sort

-- Loops on os.time cost no more than loops on os.clock.
os.time = function(...)
  if select("#", ...) == 0 or (...) == nil then
    host.pause()
    return time() + floor(host.skipped())
  end
  return time(...)
end

debug.sethook = function() base.fail("debug.sethook is reserved: it makes scripts interruptible") end

-- Our own scripts are found from everywhere: require("lib.setup").
local path = host.settings.scripts .. "/?.lua;" .. package.path
package.path = path

local function run(chunk, message, name, arguments)
  arg = arguments
  arg[0] = name
  if not chunk then error(message, 0) end
  chunk(unpack(arguments))
end

-- A script as any program's: its first line may say what runs it.
local function load_text(text, name) return loadstring((text:gsub("^#[^\n]*", "", 1)), "@" .. name) end

-- Runs a script. Its own folder is searched by require too. `text` is what stands in it, where that was read before.
function host.script(file, name, arguments, text)
  local folder = file:match("^(.*)/[^/]*$") or "."
  package.path = folder .. "/?.lua;" .. path
  local load, from = host.load_script, file
  if text then load, from = load_text, text end
  local chunk, message = load(from, name)
  run(chunk, message, name, arguments)
end

-- Runs a script that comes as a text.
function host.source(text, name, arguments)
  local chunk, message = load_text(text, name)
  run(chunk, message, name, arguments)
end

-- Loads a file under the name that the user gave, which errors then show.
function host.load_script(file, name)
  local stream, message = open(file, "rb")
  if not stream then return nil, "cannot open " .. message end
  local text, problem = stream:read("*a")
  stream:close()
  if not text then return nil, "cannot read " .. name .. (problem and ": " .. problem or "") end
  return load_text(text, name)
end

-- The names within a value, without calling anything of the user's.
local function names_within(value)
  local names = {}
  local methods = base.methods[base.kind(value)]
  if methods then
    for _, name in ipairs(methods) do names[name] = true end
  elseif type(value) == "table" then
    for key in pairs(value) do
      if type(key) == "string" and key:match("^[%a_][%w_]*$") then names[key] = true end
    end
  elseif type(value) == "string" then
    for key in pairs(string) do names[key] = true end
  end
  return names
end

local function print_results(...)
  if select("#", ...) > 0 then globals.print(values.shown(...)) end
end

-- Results of a call that stands alone: methods return their object, so that calls can be chained.
local function print_news(...)
  if select("#", ...) > 0 and not base.kind((...)) then print_results(...) end
end

-- A name alone that nothing has may be misspelt.
local function print_name(name, ...)
  print_results(...)
  local guess = (...) == nil and name ~= "nil" and base.nearest(name, names_within(globals))
  if guess then globals.print(format("There is no %q. Did you mean %q?", name, guess)) end
end

-- Calls `show` with the values of an expression, whose own calls stay in tracebacks so.
local function evaluate(above, expression, show)
  local call = above .. "local bricks_show = ... bricks_show(" .. expression
  -- In its own line, unless a comment hides it: errors name the last line of a call.
  local chunk = loadstring(call .. ")", "=shell") or loadstring(call .. "\n)", "=shell")
  if chunk then chunk(show) else show(loadstring(above .. "return " .. expression, "=shell")()) end
end

-- Whether the lines typed so far may go on: what no next line can end is an error now, and swallows none.
local function goes_on(text, message)
  if not message:match("'<eof>'$") then return false end
  if message:find("unfinished string near", 1, true) then return #text:match("\\*$") % 2 == 1 end
  if message:find("function arguments expected", 1, true) then
    base.fail("%s is a method: call it as %s()", text:match("%S+%s*$"), text:match("(%S+)%s*$"))
  end
  return true
end

-- Evaluates a statement of the shell; returns whether more lines are needed. On a terminal, which has so many columns,
-- what calls return is printed too. `first` is the number of its first line, for messages.
function host.line(text, columns, first)
  if columns == 0 then columns = nil end
  values.columns = columns or 80
  local above = ("\n"):rep((first or 1) - 1)
  local expression = text:match("^%s*=(.*)$")
  local chunk, message = loadstring(above .. (expression and "return " .. expression or text), "=shell")
  local bare = not expression and (not chunk or columns) and text:find("%S") and loadstring("return " .. text)
  if expression and chunk then
    evaluate(above, expression, print_results)
  elseif bare then
    local name = columns and text:match("^%s*([%a_][%w_]*)%s*$")
    evaluate(above, text, name and function(...) print_name(name, ...) end or chunk and print_news or print_results)
  elseif chunk then
    print_results(chunk())
  elseif goes_on(text, message) or not expression and goes_on(text, select(2, loadstring("return " .. text)) or "") then
    return { incomplete = true }
  else
    error(message, 0)
  end
  return { incomplete = false }
end

-- What a path like `pe` or `set.up` leads to, without calling anything of the user's.
local function value_at(path)
  local value = globals
  for name in path:gmatch("[%w_]+") do
    if type(value) ~= "table" then return nil end
    value = rawget(value, name)
  end
  return value
end

-- How the last word of a line may go on: whole words, `pe:st` giving `pe:start`, `pe:stats`, `pe:stop`. Behind a call
-- that returns an object of a kind, or a string, the methods of that.
function host.complete(line, kind)
  local word = kind and "" or line:match("[%a_][%w_%.:]*$") or ""
  if not kind and word == "" and line:match("[%w_%.:]$") then return {} end
  local head, tail = word:match("^(.*[%.:])([%w_]*)$")
  local names
  if kind then
    head, tail, names = "", line, names_within(kind == "string" and "" or nil)
    for _, name in ipairs(base.methods[kind] or {}) do names[name] = true end
  elseif head then
    names = names_within(value_at(head))
  else
    head, tail, names = "", word, names_within(globals)
    for _, keyword in ipairs(values.keywords) do names[keyword] = true end
  end
  local found = {}
  for name in pairs(names) do
    if name:sub(1, #tail) == tail and (tail ~= "" or name:sub(1, 1) ~= "_") then found[#found + 1] = head .. name end
  end
  sort(found)
  return found
end

-- What completion within quotes goes by: links and engines that there are, and the kind of brick that a variable holds.
function host.links(path)
  local value = value_at(path)
  local inputs, outputs = host.link_names()
  local kind = base.kind(value) == "Brick" and base.contents(value).kind or nil
  return { inputs = inputs, outputs = outputs, engines = host.engine_names(), kind = kind }
end

-- The error message of a misspelt name with the name that was perhaps meant. `source` is the line that it happened in.
function host.explain(message, source)
  local name = message:match("global '([%a_][%w_]*)' %(a nil value%)$")
  local names, owner = {}, ""
  if name then
    local called = message:find("attempt to call", 1, true)
    for key in pairs(names_within(globals)) do
      local kind = type(rawget(globals, key))
      if called and kind == "function" or not called and kind ~= "function" then names[key] = true end
    end
  else
    local separator
    name = message:match("field '([%a_][%w_]*)' %(a nil value%)$") or message:match("method '([%a_][%w_]*)' %(a nil value%)$")
    if not name then return message end
    owner, separator = source:match("([%a_][%w_%.]*)%s*([%.:])%s*" .. name .. "%f[^%w_]")
    if owner then
      names, owner = names_within(value_at(owner)), owner .. separator
    elseif source:find("[\"'%]]%)?%s*:%s*" .. name .. "%f[^%w_]") then
      names, owner = names_within(""), ""
    else
      return message
    end
  end
  local guess = base.nearest(name, names)
  return guess and guess ~= name and format("%s. Did you mean %q?", message, owner .. guess) or message
end

arg = {}
