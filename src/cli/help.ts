/** Help texts, made from the commands' own declarations. */
import type { Cli, Definition } from 'clipanion';
import { PROGRAM_WORDS } from './program-words';

/** What stands for an option's value. */
export const VALUES: Readonly<Record<string, string>> = {
  '--backend': 'NAME', '--address': 'ADDRESS', '--token-file': 'FILE', '--read-token-file': 'FILE', '--listen': 'ADDRESS', '--group-access': 'ACCESS', '--tls-ca': 'FILE', '--tls-cert': 'FILE', '--tls-key': 'FILE', '--file': 'SCRIPT', '--batch': 'PACKETS', '--tap': 'NAME', '--write': 'FILE', '--count': '[=PACKETS]', '--option': 'NAME=VALUE', '--exec': 'PROGRAM ...', '--name': 'NAME', '--run-dir': 'DIRECTORY', '--group': 'GROUP', '--user': 'USER', '--log-file': 'FILE',
  '--log-level': 'LEVEL', '--log-format': 'FORMAT', '--settle': 'SECONDS', '--stop-timeout': 'SECONDS', '--timeout': 'SECONDS', '--plugin': 'PATH', '--metrics': 'ADDRESS', '--web': 'ADDRESS', '--web-token-file': 'FILE', '--web-control': 'FILE', '--limit': 'SECONDS', '--seconds': 'SECONDS',
  '--engine': 'NAME', '--type': 'TYPE', '--to': 'OUTPUT', '--set': 'FIELD=VALUE', '--priority': 'NUMBER', '--expire': 'SECONDS', '--id': 'ID', '--location': 'PIPE', '--most': 'RULES',
  '--view': 'TABLE', '--sort': 'ORDER', '--filter': 'TEXT', '--every': 'MICROSECONDS',
  '--packets': 'PACKETS', '--from': 'LINK', '--sample': 'N', '--rate': 'PACKETS', '--snap': 'BYTES',
  '--allow-plugin': 'PACKAGE', '--form': 'FORM', '--brick': 'NAME', '--description': 'TEXT', '--author': 'NAME', '--license': 'ID',
};
const INDENT = '  ';
const WIDTH = 96;

/** All commands, and the options of the one that runs without a name. */
export function overview(cli: Cli, summary: string, text: string | undefined): string {
  const definitions = cli.definitions();
  const main = definitions.find((definition) => definition.path === cli.binaryName);
  const others = definitions.filter((definition) => definition.path !== cli.binaryName && definition.description);
  const width = Math.max(...others.map((definition) => definition.path.length));
  return [
    summary,
    '',
    'Usage:',
    `${INDENT}${cli.binaryName} [--backend NAME] [-f SCRIPT] [-b PACKETS] [-o NAME=VALUE] [-- SCRIPT ARGUMENTS]`,
    ...others.map((definition) => `${INDENT}${definition.path.padEnd(width)}  ${firstLine(definition.description)}`),
    `${INDENT}bricks ${PROGRAM_WORDS.join(', ')}: the programs bricks-server, bricks-kill-server and so on`,
    ...(main ? ['', ...options(main), '', ...details(text), '', ...examples(main)] : []),
    '',
    `${cli.binaryName} COMMAND --help explains a command.`,
    '',
  ].join('\n');
}

/** One command. */
export function commandHelp(definition: Definition, synopsis: string, text: string | undefined): string {
  const parts = [[firstLine(definition.description)], ['Usage:', `${INDENT}${synopsis}`], options(definition), details(text), examples(definition)];
  return parts.filter((lines) => lines.length > 0).map((lines) => `${lines.join('\n')}\n`).join('\n');
}

/** What clipanion's message says of the words behind a command, in ours; nothing where it is about something else. */
export function wordsProblem(text: string, command: string, { synopsis, needs = 'more words' }: { readonly synopsis: string; readonly needs?: string }): string | undefined {
  const surplus = /^Extraneous positional argument \("(.*)"\)/s.exec(text)?.[1];
  const problem = surplus !== undefined ? `Unexpected argument "${surplus}" for ${command}.` : text.startsWith('Not enough positional arguments') ? `${command} needs ${needs}.` : undefined;
  return problem && `${problem} Usage: ${synopsis}.`;
}

function firstLine(text: string | undefined): string {
  return (text ?? '').trim().split('\n')[0];
}

function options(definition: Definition): string[] {
  const rows = definition.options.map(({ definition: names, description }) => {
    const [shown] = names.split(' ');
    const value = VALUES[shown.split(',').pop() ?? ''] ?? '';
    return [`${shown.replace(',', ', ')}${value.startsWith('[') ? value : value && ` ${value}`}`, description ?? ''];
  });
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([names]) => names.length));
  return ['Options:', ...rows.map(([names, description]) => `${INDENT}${names.padEnd(width)}  ${description}`)];
}

/** The details as the command has them: clipanion takes a line that begins with an option for an entry of a list. */
function details(text: string | undefined): string[] {
  const paragraphs = (text ?? '').trim().split(/\n\s*\n/);
  if (paragraphs[0] === '') return [];
  return paragraphs.flatMap((paragraph, index) => [...(index > 0 ? [''] : []), ...wrap(paragraph.replace(/\s+/g, ' ').trim())]);
}

function examples(definition: Definition): string[] {
  const all = definition.examples ?? [];
  return all.length === 0 ? [] : ['Examples:', ...all.flatMap(([what, command]) => [`${INDENT}${what.trim()}:`, `${INDENT}${INDENT}${command}`])];
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
