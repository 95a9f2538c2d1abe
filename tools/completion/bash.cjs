'use strict';
/** The completion of bash. */
const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function cases(rows) {
  return rows.map(([patterns, value]) => `    ${patterns.map(quote).join('|')}) REPLY=${quote(value)} ;;`).join('\n');
}

/** A kind as the script has it: its name, or the words. */
const kindText = (kind) => (Array.isArray(kind) ? `words ${kind.join(' ')}` : kind);

function bashScript({ nodes, values, aliases, scripts, programs }) {
  return `# Completion of bash for Packet Bricks, made from its commands. To use it: source <(bricks completion bash)

# Each of these sets REPLY, to nothing where there is nothing.
_bricks_commands() {
  case $1 in
${cases(nodes.filter(({ commands }) => commands.length > 0).map(({ path, commands }) => [[path], commands.map(({ name }) => name).join(' ')]))}
    *) REPLY= ;;
  esac
}

_bricks_options() {
  case $1 in
${cases(nodes.filter(({ options }) => options.length > 0).map(({ path, options }) => [[path], options.flatMap(({ names }) => names).join(' ')]))}
    *) REPLY= ;;
  esac
}

_bricks_argument() {
  case $1 in
${cases(nodes.filter(({ argument }) => argument !== undefined).map(({ path, argument }) => [[path], kindText(argument)]))}
    *) REPLY= ;;
  esac
}

# What the value of an option is; nothing for options that take none.
_bricks_value() {
  case "$1 $2" in
${cases(values.map(({ kind, options }) => [options, kindText(kind)]))}
    *) REPLY= ;;
  esac
}

_bricks_complete() {
  local kind=$1 word=$2
  case $kind in
    words*) COMPREPLY=($(compgen -W "\${kind#words }" -- "$word")) ;;
    file) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")) ;;
    directory) compopt -o filenames; COMPREPLY=($(compgen -d -- "$word")) ;;
    script) compopt -o filenames; COMPREPLY=($(compgen -f -X '!*.@(lua|bricks|[mc]?[jt]s)' -- "$word") $(compgen -d -- "$word") $(compgen -W ${quote(scripts.join(' '))} -- "$word")) ;;
    user) COMPREPLY=($(compgen -u -- "$word")) ;;
    group) COMPREPLY=($(compgen -g -- "$word")) ;;
    program) COMPREPLY=($(compgen -c -- "$word")) ;;
    interface) COMPREPLY=($(compgen -W "$(command ls /sys/class/net 2>/dev/null)" -- "$word")) ;;
    pipe) COMPREPLY=($(compgen -W "$(bricks completion --pipes 2>/dev/null)" -- "$word")) ;;
    engine) COMPREPLY=($(compgen -W "$(bricks completion --engines 2>/dev/null)" -- "$word")) ;;
  esac
}

_bricks() {
  local REPLY at word path current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local -i rest=0 extglob=0
  COMPREPLY=()
  shopt -q extglob || { extglob=1; shopt -s extglob; }
  path=\${COMP_WORDS[0]##*/}
${Object.entries(aliases).map(([program, path]) => `  [[ $path == ${program} ]] && path=${quote(path)}`).join('\n')}
  # --option=value comes as three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $word == -- ]]; then
      rest=1
      break
    fi
    _bricks_value "$path" "$word"
    if [[ -n $REPLY ]]; then
      ((at++))
    elif [[ $word != -* ]]; then
      _bricks_commands "$path"
      [[ " $REPLY " == *" $word "* ]] && path="$path $word"
    fi
  done
  _bricks_value "$path" "$previous"
  if ((rest)); then
    _bricks_complete file "$current"
  elif [[ -n $REPLY ]]; then
    _bricks_complete "$REPLY" "$current"
  elif [[ $current == -* ]]; then
    _bricks_options "$path"
    _bricks_complete "words $REPLY" "$current"
  else
    _bricks_commands "$path"
    if [[ -n $REPLY ]]; then
      _bricks_complete "words $REPLY" "$current"
    else
      _bricks_argument "$path"
      _bricks_complete "$REPLY" "$current"
    fi
  fi
  ((extglob)) && shopt -u extglob
  return 0
}

complete -F _bricks ${programs.join(' ')}
`;
}

module.exports = { bashScript };
