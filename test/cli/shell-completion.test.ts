/** The completion of bash, zsh and fish, asked of the shells themselves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { PROGRAM, Workplace } from '../support/program';
import { TmuxTerminal, hasTmux } from '../support/tmux';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  mkdirSync(place.path('bin'));
  mkdirSync(place.path('work'));
  symlinkSync(PROGRAM.endsWith('.js') ? PROGRAM : `${PROGRAM}.js`, place.path('bin', 'bricks'));
  writeFileSync(place.path('work', 'mine.lua'), '');
  writeFileSync(place.path('work', 'notes.txt'), '');
  for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(place.path(shell), execFileSync(process.execPath, [PROGRAM, 'completion', shell], { encoding: 'utf8' }));
});
afterAll(() => place.dispose());

const environment = (): NodeJS.ProcessEnv => ({ ...place.environment, BRICKS_RUN_DIR: place.path('daemon'), PATH: `${place.path('bin')}:${process.env['PATH']}`, HOME: place.folder });

function has(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0;
}

/** What bash offers for a line whose last word is being typed. */
function bash(line: string): string[] {
  // As readline breaks words: also at = and :.
  const words = line.split(/(?<==)|(?==)| /).filter((word, index, all) => word !== '' || index === all.length - 1);
  const script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _bricks; printf "%s\\n" "${COMPREPLY[@]}"';
  return output('bash', ['--norc', '-c', script, 'bash', place.path('bash'), ...words]);
}

function fish(line: string): string[] {
  return output('fish', ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', place.path('fish'), line]).map((one) => one.split('\t')[0]);
}

function output(shell: string, words: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, words, { cwd: place.path('work'), env: environment(), encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean).sort();
}

/** A line, and what is among the words offered for it, and what is not. */
const LINES: [line: string, offered: string[], not: string[]][] = [
  ['bricks ', ['attach', 'check', 'completion', 'filter', 'help', 'run', 'shell'], ['--backend']],
  ['bricks filter ', ['add', 'list', 'load', 'remove', 'stats'], []],
  ['bricks ch', ['check'], ['attach']],
  ['bricks --b', ['--backend', '--batch'], ['--file']],
  ['bricks attach --w', ['--write'], []],
  ['bricks check --', ['--json', '--limit', '--run-commands'], ['--write']],
  ['bricks --backend ', ['loopback', 'netmap', 'pcap'], ['attach']],
  ['bricks check --backend pc', ['pcap'], ['netmap']],
  ['bricks -f ', ['load-balance', 'mine.lua'], ['notes.txt']],
  ['bricks check ', ['duplicate', 'mine.lua'], ['notes.txt']],
  ['bricks attach --write n', ['notes.txt'], []],
  ['bricks completion ', ['bash', 'fish', 'zsh'], ['attach']],
  ['bricks help at', ['attach'], []],
  ['bricks-shell --n', ['--name'], []],
  ['bricks-shell --token-file n', ['notes.txt'], []],
  ['bricks-server --tls-cert n', ['notes.txt'], []],
  ['bricks-server --log-level ', ['debug', 'error', 'info', 'warn'], []],
  ['bricks-load-balance l', ['lo'], []],
  ['bricks -f load-balance -- n', ['notes.txt'], ['netmap-run']],
];

(has('bash') ? describe : describe.skip)('bash (skipped where it is missing)', () => {
  test.each(LINES)('completes: %s', (line, offered, not) => {
    const words = bash(line);
    expect(words).toEqual(expect.arrayContaining(offered));
    expect(words.filter((word) => not.includes(word))).toEqual([]);
  });

  test('completes the value behind an equals sign', () => {
    expect(bash('bricks --backend=lo')).toEqual(['loopback']);
    expect(bash('bricks --backend=')).toEqual(['loopback', 'netmap', 'pcap']);
  });

  (hasTmux() ? test : test.skip)('on a terminal, by Tab (skipped where tmux is missing)', async () => {
    const terminal = new TmuxTerminal('bash --norc', { PATH: environment()['PATH'] ?? '' }, place.path('work'));
    try {
      await terminal.shows(/[$#%]$/);
      terminal.enter(`PS1="> "; source ${place.path('bash')}; clear`);
      await terminal.shows(/^\s*>$/);
      terminal.type('bricks chec');
      terminal.press('Tab');
      await terminal.shows(/bricks check$/);
      terminal.type('mi');
      terminal.press('Tab');
      await terminal.shows(/bricks check mine\.lua$/);
    } finally {
      terminal.close();
    }
  });
});

(has('fish') ? describe : describe.skip)('fish (skipped where it is missing)', () => {
  test('completes the same lines', () => {
    for (const [line, offered, not] of LINES) {
      const words = fish(line);
      expect([line, ...words]).toEqual(expect.arrayContaining(offered));
      // Of files fish offers all, those that fit best first.
      expect(words.filter((word) => not.includes(word) && word !== 'notes.txt')).toEqual([]);
    }
  });
});

(has('zsh') && hasTmux() ? describe : describe.skip)('zsh (skipped where it, or tmux, is missing)', () => {
  test('completes on a terminal, by Tab', async () => {
    const terminal = new TmuxTerminal('zsh -f', { PATH: environment()['PATH'] ?? '', HOME: place.folder }, place.path('work'));
    const offers = async (line: string, shown: RegExp): Promise<void> => {
      terminal.type(line);
      terminal.press('Tab');
      await terminal.shows(shown);
      terminal.press('C-c');
      await terminal.shows(/\n>$/);
    };
    try {
      await terminal.shows(/[$#%]$/);
      terminal.enter(`PS1="> "; autoload -U compinit; compinit -u -D; source ${place.path('zsh')}; clear`);
      await terminal.shows(/^\s*>$/);
      await offers('bricks chec', /> bricks check$/);
      await offers('bricks attach --wri', /> bricks attach --write$/);
      await offers('bricks --backend loo', /> bricks --backend loopback$/);
      await offers('bricks --backend=loo', /> bricks --backend=loopback$/);
      await offers('bricks check min', /> bricks check mine\.lua$/);
      await offers('bricks-shell --run', /> bricks-shell --run-dir$/);
      await offers('bricks -f load-balance -- not', /> bricks -f load-balance -- notes\.txt$/);
      await offers('bricks c', /check +-- Check a script/);
    } finally {
      terminal.close();
    }
  });
});

test('a shell that there is no completion for is a usage error; pipes are listed for them all', async () => {
  expect(await place.run(['completion', 'tcsh'])).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no completion for "tcsh". Shells: bash, zsh, fish.') });
  expect(await place.run(['completion'])).toMatchObject({ code: 2, stderr: expect.stringContaining('completion needs the name of a shell') });
  const running = place.start(['--backend', 'loopback', '-f', 'load-balance', '--', 'nic0', '2'], { input: '' });
  await running.says(/Packets are at/);
  expect((await place.run(['completion', '--pipes'])).stdout.split('\n').filter(Boolean).sort()).toEqual(['nic0}0', 'nic0}1']);
  running.signal('SIGTERM');
  await running.ended;
});

test('bricks ctl completes the names of the engines that the daemon has', async () => {
  const runDirectory = ['--run-dir', place.path('daemon')];
  expect(bash('bricks ctl engine.stop ')).toEqual([]);
  expect(await place.run(['server', ...runDirectory, '--backend', 'loopback', '-f', 'load-balance', '--', 'nic1', '2'])).toMatchObject({ code: 0 });
  try {
    expect(bash('bricks ctl engine.stop ')).toEqual(['e0']);
  } finally {
    await place.run(['kill-server', ...runDirectory]);
  }
});
