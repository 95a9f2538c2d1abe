-- Values as one would type them: what the shell prints.
local host = ...
local base = host.base
local type, tostring, pcall, next, rawget, ipairs, select = type, tostring, pcall, next, rawget, ipairs, select
local format, rep, floor, huge = string.format, string.rep, math.floor, math.huge
local concat, sort = table.concat, table.sort
local metatable_of = debug.getmetatable
local values = {}
base.values = values

-- Levels of tables in tables, entries of all of them together, and bytes of a string that are shown.
local DEEPEST, MOST_ENTRIES, LONGEST = 8, 2000, 400
-- From here on doubles leave out whole numbers.
local EXACT = 2 ^ 53

-- Lua's keywords.
values.keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
  "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}
local reserved = {}
for _, word in ipairs(values.keywords) do reserved[word] = true end

-- Columns of the terminal, or what stands for one.
values.columns = 80

local function number_text(value)
  if value ~= value then return "0/0" end
  if value == huge then return "math.huge" end
  if value == -huge then return "-math.huge" end
  if value == floor(value) and value > -EXACT and value < EXACT then return format("%.0f", value) end
  return tostring(value)
end

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
local function escape(byte) return escapes[byte] or format("\\%03d", byte:byte()) end

-- Characters of more than one byte, without those that control terminals.
local WIDE = { "^[\195-\223][\128-\191]", "^\194[\160-\191]", "^[\224-\239][\128-\191][\128-\191]", "^[\240-\244][\128-\191][\128-\191][\128-\191]" }

local function wide_at(text, position)
  for _, pattern in ipairs(WIDE) do
    local character = text:match(pattern, position)
    if character then return character end
  end
end

local function quoted(text)
  local more = ""
  if #text > LONGEST then
    more = format("..<%d bytes>", #text)
    text = text:sub(1, LONGEST)
  end
  text = text:gsub('[%c"\\]', escape)
  if text:find("[\128-\255]") then
    local parts, position = {}, 1
    while position <= #text do
      local part = text:match("^[%z\1-\127]+", position) or wide_at(text, position) or escape(text:sub(position, position))
      local byte = text:byte(position)
      parts[#parts + 1] = part
      position = position + ((byte > 127 and part:byte() == 92) and 1 or #part)
    end
    text = concat(parts)
  end
  return '"' .. text .. '"' .. more
end

-- The form that an object gives itself; it may be that of a user, and fail.
local function own_text(value)
  local metatable = metatable_of(value)
  if type(metatable) ~= "table" or rawget(metatable, "__tostring") == nil then return nil end
  local good, text = pcall(tostring, value)
  return good and type(text) == "string" and text or nil
end

local function scalar(value)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" then return number_text(value) end
  if kind == "nil" or kind == "boolean" then return tostring(value) end
  return "<" .. (own_text(value) or kind) .. ">"
end
values.scalar = scalar

local function key_text(key)
  if type(key) == "string" and key:match("^[%a_][%w_]*$") and not reserved[key] then return key end
  return "[" .. scalar(key) .. "]"
end

local ranks = { number = 1, string = 2, boolean = 3 }
local function before(a, b)
  local kind, other = type(a), type(b)
  if kind ~= other then return (ranks[kind] or 4) < (ranks[other] or 4) or (not ranks[kind] and not ranks[other] and kind < other) end
  if kind == "number" or kind == "string" then return a < b end
  return kind == "boolean" and not a and b
end

-- The keys of a table that come after those of its list.
local function other_keys(value, length)
  local keys = {}
  for key in next, value do
    if type(key) ~= "number" or key ~= floor(key) or key < 1 or key > length then keys[#keys + 1] = key end
  end
  sort(keys, before)
  return keys
end

local render

-- The entries of a table, each as a text; how many are left out.
local function entries_of(value, indent, state)
  local length = 0
  while rawget(value, length + 1) ~= nil do length = length + 1 end
  local keys, texts = other_keys(value, length), {}
  for index = 1, length + #keys do
    if state.left == 0 then return texts, length + #keys - index + 1 end
    state.left = state.left - 1
    local key, name = index, ""
    if index > length then
      key = keys[index - length]
      name = key_text(key) .. " = "
    end
    texts[index] = name .. render(rawget(value, key), indent, indent + #name, state)
  end
  return texts, 0
end

-- `used` columns of the line are taken already; lines after the first are indented by `indent`.
function render(value, indent, used, state)
  if type(value) ~= "table" then return scalar(value) end
  local own = own_text(value)
  if own then return "<" .. own .. ">" end
  if state.path[value] then return "<cycle>" end
  if next(value) == nil then return "{}" end
  if state.depth == DEEPEST then return "{...}" end
  state.path[value] = true
  state.depth = state.depth + 1
  local texts, left_out = entries_of(value, indent + 2, state)
  state.depth = state.depth - 1
  state.path[value] = nil
  local line = "{ " .. concat(texts, ", ") .. " }"
  if left_out == 0 and used + #line < values.columns and not line:find("\n", 1, true) then return line end
  local blank = "\n" .. rep(" ", indent + 2)
  for index, text in ipairs(texts) do texts[index] = text .. "," end
  if left_out > 0 then texts[#texts + 1] = format("-- and %d more", left_out) end
  return "{" .. blank .. concat(texts, blank) .. "\n" .. rep(" ", indent) .. "}"
end

-- A result of the shell: strings as they are, as print has them.
local function shown(value)
  local kind = type(value)
  if kind == "number" and value == value and value ~= huge and value ~= -huge then return number_text(value) end
  if kind ~= "table" or own_text(value) then
    local good, text = pcall(tostring, value)
    return good and text or "<" .. kind .. ">"
  end
  return render(value, 0, 0, { left = MOST_ENTRIES, depth = 0, path = {} })
end

-- Results of the shell in one text: in a line if they fit there.
function values.shown(...)
  local texts, lines = {}, false
  for index = 1, select("#", ...) do
    texts[index] = shown((select(index, ...)))
    lines = lines or (type((select(index, ...))) == "table" and texts[index]:find("\n", 1, true) ~= nil)
  end
  return concat(texts, lines and "\n" or "\t")
end
