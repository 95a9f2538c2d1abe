'use strict';
/** The completion of fish. */
const quote = (text) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;

/** What fish offers for a kind: files, and what else. */
function offered(kind, scripts) {
  if (Array.isArray(kind)) return `-x -a ${quote(kind.join(' '))}`;
  return {
    file: '-r -F', script: `-r -F -a ${quote(scripts.join(' '))}`, directory: "-x -a '(__fish_complete_directories)'", user: "-x -a '(__fish_complete_users)'", group: "-x -a '(__fish_complete_groups)'",
    program: "-x -a '(__fish_complete_command)'", interface: "-x -a '(command ls /sys/class/net 2>/dev/null)'", pipe: "-x -a '(bricks completion --pipes 2>/dev/null)'", engine: "-x -a '(bricks completion --engines 2>/dev/null)'", any: '-x',
  }[kind];
}

function optionText({ names, description, value }, scripts) {
  const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  return `${forms}${value === undefined ? '' : ` ${offered(value, scripts)}`} -d ${quote(description)}`;
}

function fishScript({ nodes, values, aliases, scripts, programs }) {
  const lines = nodes.flatMap(({ path, options, commands, argument }) => {
    const names = [path.split(' ')[0], ...Object.entries(aliases).filter(([, meant]) => meant === path).map(([program]) => program)];
    const at = `${names.map((name) => `-c ${name}`).join(' ')} -n ${quote(`__bricks_at ${quote(path)}`)}`;
    return [
      ...commands.map(({ name, summary }) => `complete ${at} -a ${quote(name)} -d ${quote(summary)}`),
      ...options.map((option) => `complete ${at} ${optionText(option, scripts)}`),
      ...(argument === undefined ? [] : [`complete ${at} ${offered(argument, scripts).replace(/^-[xr] /, '')}`]),
    ];
  });
  return `# Completion of fish for Packet Bricks, made from its commands. To use it: bricks completion fish | source

set -g __bricks_commands ${nodes.map(({ path }) => quote(path)).join(' ')}
set -g __bricks_values ${values.flatMap(({ options }) => options).map(quote).join(' ')}

# Whether the words before the cursor lead to this command.
function __bricks_at
    set -l words (commandline -opc)
    set -l name (string replace -r '.*/' '' -- $words[1])
${Object.entries(aliases).map(([program, path]) => `    test $name = ${program}; and set name ${quote(path)}`).join('\n')}
    set -l skip 0
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
        else if test "$word" = --
            return 1
        else if contains -- "$name $word" $__bricks_values
            set skip 1
        else if contains -- "$name $word" $__bricks_commands
            set name "$name $word"
        end
    end
    test "$name" = "$argv[1]"
end

${programs.map((program) => `complete -c ${program} -f`).join('\n')}
${programs.map((program) => `complete -c ${program} -n 'contains -- -- (commandline -opc)' -F`).join('\n')}
${lines.join('\n')}
`;
}

module.exports = { fishScript };
