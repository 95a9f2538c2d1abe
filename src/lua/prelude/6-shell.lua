-- What the program calls: running a script, evaluating a line of the shell, completing a word.
local host = ...
local base = host.base
local type, select, pairs, ipairs, rawget, string = type, select, pairs, ipairs, rawget, string
local loadstring, error, unpack = loadstring, error, unpack
local globals, package, time, open, sort = _G, package, os.time, io.open, table.sort

-- Loops on os.time cost no more than loops on os.clock.
os.time = function(...)
  if select("#", ...) == 0 or (...) == nil then
    host.pause()
    return time()
  end
  return time(...)
end

debug.sethook = function() base.fail("debug.sethook is taken: it is what makes scripts interruptible") end

-- Our own scripts are found from everywhere: require("lib.setup").
local path = host.settings.scripts .. "/?.lua;" .. package.path
package.path = path

-- Runs a script. Its own folder is searched by require too.
function host.script(file, name, arguments)
  local folder = file:match("^(.*)/[^/]*$") or "."
  package.path = folder .. "/?.lua;" .. path
  arg = arguments
  arg[0] = name
  local chunk, message = host.load_script(file, name)
  if not chunk then error(message, 0) end
  chunk(unpack(arguments))
end

-- Loads a file under the name that the user gave, which errors then show.
function host.load_script(file, name)
  local stream, message = open(file, "rb")
  if not stream then return nil, "cannot open " .. message end
  local text, problem = stream:read("*a")
  stream:close()
  if not text then return nil, "cannot read " .. name .. (problem and ": " .. problem or "") end
  return loadstring((text:gsub("^#[^\n]*", "", 1)), "@" .. name)
end

local function print_results(...)
  if select("#", ...) > 0 then globals.print(...) end
end

-- Evaluates a statement of the shell; answers whether more lines are needed.
function host.line(text)
  local expression = text:match("^%s*=(.*)$")
  local chunk, message = loadstring(expression and "return " .. expression or text, "=shell")
  if not chunk then
    if message:match("'<eof>'$") then return { incomplete = true } end
    error(message, 0)
  end
  if expression then print_results(chunk()) else chunk() end
  return { incomplete = false }
end

local words = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
  "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

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

-- How the last word of a line may go on: whole words, `pe:st` giving `pe:start`, `pe:stats`, `pe:stop`.
function host.complete(line)
  local word = line:match("[%a_][%w_%.:]*$") or ""
  if word == "" and line:match("[%w_%.:]$") then return {} end
  local head, tail = word:match("^(.*[%.:])([%w_]*)$")
  local names, value = {}, globals
  if head then
    for name in head:gmatch("[%w_]+") do
      if type(value) ~= "table" then return {} end
      value = rawget(value, name)
    end
    names = names_within(value)
  else
    head, tail = "", word
    names = names_within(globals)
    for _, keyword in ipairs(words) do names[keyword] = true end
  end
  local found = {}
  for name in pairs(names) do
    if name:sub(1, #tail) == tail and (tail ~= "" or name:sub(1, 1) ~= "_") then found[#found + 1] = head .. name end
  end
  sort(found)
  return found
end

arg = {}
