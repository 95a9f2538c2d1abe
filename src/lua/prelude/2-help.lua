-- Help on what is declared: kinds of bricks, and options with their values, units and defaults.
local host = ...
local base = host.base
local print = print
local ipairs, type, rawget, format, rep = ipairs, type, rawget, string.format, string.rep
local concat, huge, globals = table.concat, math.huge, _G
local values = base.values
local scalar = values.scalar

local INDENT = "    "

local function print_indented(text)
  for line in text:gmatch("[^\n]+") do print(INDENT .. line) end
end

-- Prints a text in lines that the terminal has room for.
local function print_wrapped(text, indent)
  local most = math.max(40, values.columns - 1)
  local line
  for word in text:gmatch("%S+") do
    if line and #line + 1 + #word > most then
      print(line)
      line = nil
    end
    line = line and line .. " " .. word or rep(" ", indent) .. word
  end
  if line then print(line) end
end

local NOUNS = { integer = "an integer", number = "a number", string = "a string", boolean = "true or false" }

-- What may be given for an option, or for an item of one that is a list: "an integer from 1 to 3600000 ms".
local function item_of(option)
  if option.oneOf then
    local texts = {}
    for index, value in ipairs(option.oneOf) do texts[index] = scalar(value) end
    local last = table.remove(texts)
    return #texts > 0 and concat(texts, ", ") .. " or " .. last or last
  end
  local text = NOUNS[option.type]
  if not text then return nil end
  if option.minimum and option.maximum then text = format("%s from %s to %s", text, scalar(option.minimum), scalar(option.maximum))
  elseif option.minimum then text = format("%s of at least %s", text, scalar(option.minimum))
  elseif option.maximum then text = format("%s of at most %s", text, scalar(option.maximum)) end
  if not option.unit then return text end
  return text .. ((option.minimum or option.maximum) and " " or ", in ") .. option.unit
end

local function values_of(option)
  local text = item_of(option)
  if not text or not option.list then return text end
  return format(option.list == "outputs" and "a list: %s for each output" or "a list of: %s", text)
end

-- Prints options: the values that each takes, and below them what it means.
function host.print_options(options, shorthand)
  local width = 0
  for _, option in ipairs(options) do width = math.max(width, #option.name) end
  for _, option in ipairs(options) do
    local facts = { values_of(option) }
    if option.required then facts[#facts + 1] = "required" end
    if option.default ~= nil then facts[#facts + 1] = "default " .. scalar(option.default) end
    if option.name == shorthand then facts[#facts + 1] = "can be given without a table" end
    print((INDENT .. option.name .. rep(" ", width - #option.name) .. "  " .. concat(facts, "; "):gsub("%s+$", "")))
    print_wrapped(option.description or "", #INDENT + width + 2)
  end
end

local function count_of(links, noun)
  local minimum, maximum = links.minimum, links.maximum
  if minimum == maximum then return format("%s %s%s", scalar(minimum), noun, minimum == 1 and "" or "s") end
  if maximum == huge then return format("%s or more %ss", scalar(minimum), noun) end
  return format("%s to %s %ss", scalar(minimum), scalar(maximum), noun)
end

-- Prints all that a kind of brick declares.
function host.print_declaration(declaration)
  print(format("%s: %s", declaration.name or "?", declaration.summary or ""))
  if declaration.description then print_indented(declaration.description) end
  if declaration.inputs and declaration.outputs then
    print(format("  Links: %s, %s.", count_of(declaration.inputs, "input"), count_of(declaration.outputs, "output")))
  end
  if declaration.options and #declaration.options > 0 then
    print("  Options:")
    host.print_options(declaration.options, declaration.shorthand)
  end
  if declaration.counters and #declaration.counters > 0 then
    print("  Counters:")
    local rows = {}
    for index, counter in ipairs(declaration.counters) do rows[index] = { INDENT .. counter.name, counter.description or "" } end
    base.print_columns(rows, 2)
  end
  if declaration.examples and declaration.examples.lua then
    print("  Example:")
    print_indented(declaration.examples.lua)
  end
end

-- What engines and backends take as options; nothing where the program does not tell.
local function described()
  local answer = host.command({ command = "options.describe" })
  return answer.ok and type(answer.value) == "table" and answer.value or {}
end

function host.print_engine_options()
  local options = described().engine
  if not options then return end
  print('Options of PktEngine.new{ name = "e0", ... }:')
  host.print_options(options)
  print(INDENT .. "backend and backendOptions: ? pcap, ? netmap and ? loopback list the options of each backend")
end

-- What `? word` and `help word` print: a kind of brick, a backend, one of our tables, or what a variable holds.
function host.help(word, columns)
  values.columns = columns or 80
  local name = word:match("^[^.:]+") or word
  local topics = { BRICKS = host.program_help, PktEngine = host.engine_help, Brick = host.brick_help }
  for _, declaration in ipairs(base.command({ command = "brick.describe" }, "help")) do
    topics[declaration.name] = function() host.print_declaration(base.command({ command = "brick.describe", kind = declaration.name }, "help")) end
  end
  for _, backend in ipairs(described().backends or {}) do
    topics[backend.name] = function()
      print(format("%s: %s", backend.name, backend.summary))
      print('  Options, as in PktEngine.new{ name = "e0", backendOptions = { ... } } or on the command line as -o NAME=VALUE:')
      for _, described in ipairs(base.command({ command = "options.describe", backend = backend.name }, "help").backends) do
        if described.name == backend.name then host.print_options(described.options) end
      end
    end
  end
  local value = rawget(globals, name)
  local kind = base.kind(value)
  if kind == "Brick" then name = base.contents(value).kind elseif kind then name = kind end
  if topics[name] then return topics[name]() end
  local guess = base.nearest(name, topics)
  if guess then base.fail("There is no help for %q. Did you mean %q?", name, guess) end
  base.fail("There is no help for %q. There is help for: %s", name, concat(base.sorted_keys(topics), ", "))
end
