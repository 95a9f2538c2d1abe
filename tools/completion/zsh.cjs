'use strict';
/** The completion of zsh. */
const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;
/** A name and what it is, as _describe takes them. */
const described = (name, text) => quote(`${name.replace(/:/g, '\\:')}:${text}`);

function cases(rows) {
  return rows.map(([patterns, value]) => `    (${patterns.map((one) => one.replace(/([ .])/g, '\\$1')).join('|')}) reply=(${value}) ;;`).join('\n');
}

const kindText = (kind) => (Array.isArray(kind) ? `words ${kind.map(quote).join(' ')}` : kind);

function zshScript({ nodes, values, aliases, scripts, programs }) {
  return `#compdef ${programs.join(' ')}
# Completion of zsh for Packet Bricks, made from its commands. To use it: source <(bricks completion zsh), or keep it as _bricks in a folder of $fpath.

# Each of these sets reply, to nothing where there is nothing.
_bricks_commands() {
  case $1 in
${cases(nodes.filter(({ commands }) => commands.length > 0).map(({ path, commands }) => [[path], commands.map(({ name, summary }) => described(name, summary)).join(' ')]))}
    (*) reply=() ;;
  esac
}

_bricks_options() {
  case $1 in
${cases(nodes.filter(({ options }) => options.length > 0).map(({ path, options }) => [[path], options.flatMap(({ names, description }) => names.map((name) => described(name, description))).join(' ')]))}
    (*) reply=() ;;
  esac
}

_bricks_argument() {
  case $1 in
${cases(nodes.filter(({ argument }) => argument !== undefined).map(({ path, argument }) => [[path], kindText(argument)]))}
    (*) reply=() ;;
  esac
}

# What the value of an option is; nothing for options that take none.
_bricks_value() {
  case "$1 $2" in
${cases(values.map(({ kind, options }) => [options, kindText(kind)]))}
    (*) reply=() ;;
  esac
}

_bricks_complete() {
  case $1 in
    (words) compadd -- "\${@:2}" ;;
    (file) _files ;;
    (directory) _files -/ ;;
    (script) _files -g '*.(lua|bricks|(m|c|)(j|t)s)'; compadd -- ${scripts.map(quote).join(' ')} ;;
    (user) _users ;;
    (group) _groups ;;
    (program) _command_names -e ;;
    (interface) compadd -- /sys/class/net/*(N:t) ;;
    (pipe) compadd -- \${(f)"$(bricks completion --pipes 2>/dev/null)"} ;;
    (engine) compadd -- \${(f)"$(bricks completion --engines 2>/dev/null)"} ;;
  esac
}

_bricks() {
  local -a reply
  local at word name=\${words[1]:t}
${Object.entries(aliases).map(([program, path]) => `  [[ $name == ${program} ]] && name=${quote(path)}`).join('\n')}
  for ((at = 2; at < CURRENT; at++)); do
    word=\${words[at]}
    if [[ $word == -- ]]; then
      _files
      return
    fi
    _bricks_value "$name" "$word"
    if (($#reply)); then
      ((at++))
    elif [[ $word != -* ]]; then
      _bricks_commands "$name"
      ((\${reply[(I)$\{(b)word}:*]})) && name="$name $word"
    fi
  done
  word=\${words[CURRENT]}
  if [[ $word == --*=* ]]; then
    _bricks_value "$name" "\${word%%=*}"
    compset -P 1 '*='
    (($#reply)) && _bricks_complete $reply
    return
  fi
  ((CURRENT > 2)) && _bricks_value "$name" "\${words[CURRENT-1]}" || reply=()
  if (($#reply)); then
    _bricks_complete $reply
  elif [[ $word == -* ]]; then
    _bricks_options "$name"
    _describe -o option reply
  else
    _bricks_commands "$name"
    if (($#reply)); then
      _describe command reply
    else
      _bricks_argument "$name"
      (($#reply)) && _bricks_complete $reply
    fi
  fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bricks "$@"
else
  compdef _bricks ${programs.join(' ')}
fi
`;
}

module.exports = { zshScript };
