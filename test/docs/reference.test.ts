import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { optionOf } from 'packet-bricks/src/cli/ctl/words';
import { COMMANDS, TOPICS } from 'packet-bricks/src/protocol/commands';

const root = join(__dirname, '..', '..');

interface Command { readonly path: string; readonly options: readonly { readonly option: string }[] }
interface Generator { generate(): Map<string, string>; commands(): Command[] }
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a program of its own, not part of the package
const { generate, commands } = require('../../tools/reference.cjs') as Generator;

describe('the reference', () => {
  const pages = generate();

  it.each([...pages.keys()])('%s is what the code says; npm run reference writes it', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(pages.get(path));
  });

  it('has no page that nothing makes', () => {
    const written = readdirSync(join(root, 'docs', 'reference')).map((name) => join('docs', 'reference', name));
    expect(written.sort()).toEqual([...pages.keys()].sort());
  });

  it('names each option of a command once', () => {
    for (const { path, options } of commands()) {
      const names = options.flatMap(({ option }) => option.split(', ').map((form) => form.split(/[ =[]/)[0]));
      expect([path, names.filter((name, index) => names.indexOf(name) !== index)]).toEqual([path, []]);
    }
  });

  it('tells what each error says', () => {
    expect(pages.get(join('docs', 'reference', 'errors.md'))).toContain('## E_OPTION');
  });

  it('has every field with its meaning', () => {
    expect(pages.get(join('docs', 'reference', 'statistics.md'))).not.toMatch(/\| {2}\|/);
  });
});

/** The options by which the program may be called, by command; of bricks ctl also those of the daemon's commands. */
function knownOptions(): Map<string, Set<string>> {
  const ofDaemon = [...Object.values(COMMANDS), ...Object.values(TOPICS)].flatMap(({ parameters }) => Object.keys(parameters).map(optionOf));
  return new Map(commands().map(({ path, options }) => [
    path, new Set([...(path === 'bricks ctl' ? ofDaemon : []), '-h', '--help', '-v', '--version', ...options.flatMap(({ option }) => option.replace(/\[.*/, '').split(/[, ]+/).filter((word) => word.startsWith('-')))]),
  ]));
}

/** Calls of the program in a text: in code, from the word `bricks` to what ends a command. */
function callsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter(([, language]) => ['', 'sh'].includes(language)).map(([, , block]) => block);
  const spans = [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span.replace(/\\\|/g, '|'));
  return [...blocks, ...spans].flatMap((piece) => piece.split('\n')).filter((line) => !/^(bricks>|alias) /.test(line))
    .flatMap((line) => [...line.matchAll(/(?:^|sudo |exec |&& |\| )(?:bricks|node dist\/src\/cli\/main\.js)(?: ([^|;&)]*))?(?=$|[|;&)])/g)].map(([, rest]) => (rest ?? '').trim()));
}

describe('the documents', () => {
  const documents = new Map(markdownBelow(root).map((path) => [path, readFileSync(path, 'utf8')]));
  const named = [...documents.keys()].map((path) => [relative(root, path), path] as const);

  it.each(named)('%s: every link leads to a file and a heading', (_, path) => {
    for (const [, target] of withoutCode(documents.get(path) as string).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, heading] = target.split('#');
      const found = file === '' ? path : join(path, '..', file);
      const text = file.endsWith('/') ? 'folder' : textOf(found);
      expect([target, text !== undefined]).toEqual([target, true]);
      if (heading !== undefined) expect([target, headingsOf(text as string)]).toEqual([target, expect.arrayContaining([heading])]);
    }
  });

  it.each(named)('%s: every command and option of bricks exists', (_, path) => {
    const known = knownOptions();
    for (const call of callsIn(documents.get(path) as string)) {
      const words = call.split(/\s+/);
      const command = known.has(`bricks ${words[0]}`) ? `bricks ${words[0]}` : 'bricks';
      if (command === 'bricks' && /^[a-z]/.test(words[0] ?? '')) expect([call, [...known.keys()]]).toEqual([call, expect.arrayContaining([`bricks ${words[0]}`])]);
      for (const word of words) {
        if (word === '--') break;
        if (/^--?[a-z]/.test(word)) expect([call, [...(known.get(command) ?? [])]]).toEqual([call, expect.arrayContaining([word.replace(/=.*/, '')])]);
        if (word === '--exec') break;
      }
    }
  });
});

/** By which daemons are found, where an option doesn't say. */
const DAEMON_VARIABLES: Readonly<Record<string, string>> = { '--name': 'BRICKS_NAME', '--run-dir': 'BRICKS_RUN_DIR' };

describe('the manual pages', () => {
  const listed = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { man: string[] }).man;

  it('are all part of the package', () => {
    expect(readdirSync(join(root, 'man')).map((name) => `./man/${name}`).sort()).toEqual([...listed].sort());
  });

  it.each(commands().map((command) => [command.path, command] as const))('%s has its options in one of them', (path, { options }) => {
    const own = join(root, 'man', `${path.replace(' ', '-')}.1`);
    const text = textOf(own) ?? readFileSync(join(root, 'man', 'bricks.1'), 'utf8');
    expect(text).toContain(path.split(' ').pop());
    for (const { option } of options) {
      const [long] = /--[a-z-]+/.exec(option) ?? [];
      expect(text).toContain(`Fl \\-${(long as string).slice(2)}`);
      const variable = DAEMON_VARIABLES[long as string];
      if (variable !== undefined) expect([long, text]).toEqual([long, expect.stringContaining(variable)]);
    }
  });
});

function markdownBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist', 'build', 'coverage', 'results', '.git'].includes(entry.name) ? [] : markdownBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? 'folder' : undefined;
  }
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
}

/** As GitHub makes anchors from them. */
function headingsOf(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-'));
}
