/** Pipes that a group may read: by whom, and that nobody else can. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writers } from './processes';
import { describeNative } from './rings';

const GROUP = 54321;
const USER = 54322;
const canChange = process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0;
if (!canChange) console.warn('pipes of a group are tested by root with setpriv only: left out');

let base: string;
const before = process.env['BRICKS_RUN_DIRECTORY'];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'bricks-group-'));
  chmodSync(base, 0o755);
  process.env['BRICKS_RUN_DIRECTORY'] = join(base, 'run');
});
afterEach(() => {
  if (before === undefined) delete process.env['BRICKS_RUN_DIRECTORY'];
  else process.env['BRICKS_RUN_DIRECTORY'] = before;
  rmSync(base, { recursive: true, force: true });
});

/** A program as another user, who is in these groups. Answers its exit code and what it said. */
async function asUser(groups: string, program: string, ...parameters: string[]): Promise<string> {
  const child = spawn('setpriv', [`--reuid=${USER}`, `--regid=${USER}`, `--groups=${groups}`, process.execPath, join(__dirname, 'programs', `${program}.cjs`), ...parameters], { env: process.env });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString('latin1')));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return `${code} ${said}`;
}

function everythingIn(directory: string): { path: string; mode: number; gid: number }[] {
  return ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].map((name) => {
    const { mode, gid } = lstatSync(join(directory, name));
    return { path: name, mode: mode & 0o777, gid };
  });
}

(canChange ? describeNative : describe.skip)('the pipes of an engine with a group', () => {
  test('are read by its members, who may write to none of them; nobody else can reach them', async () => {
    const writers = new Writers(['shared{0'], { pipeGroup: String(GROUP), keepUnread: 4096 });
    expect(everythingIn(join(base, 'run')).map(({ mode, gid }) => [mode, gid])).toEqual([[0o750, GROUP], [0o750, GROUP], [0o660, GROUP]]);
    writers.send(0, 5);
    const command = JSON.stringify({ link: 'shared}0', count: 5, noWait: true });
    expect(await asUser(`${USER + 1}`, 'attach', command)).toMatch(/^1 E_PIPE_DIRECTORY/);
    expect(await asUser(`${GROUP}`, 'attach', command)).toMatch(/^0 /);
    expect(await asUser(`${GROUP}`, 'writer', 'shared}0', '1')).toMatch(/^1 E_PIPE/);
    expect(writers.sent()).toBe(5);
    writers.close();
  });

  test('without one are their user\'s alone, though the directory is open to a group from before', async () => {
    const grouped = new Writers(['shared{0'], { pipeGroup: String(GROUP) });
    const own = new Writers(['own{0']);
    expect(everythingIn(join(base, 'run')).find(({ path }) => path.endsWith('own{0.sock'))?.mode).toBe(0o600);
    expect(await asUser(`${GROUP}`, 'attach', JSON.stringify({ link: 'own}0', count: 1, noWait: true }))).toMatch(/^1 E_PIPE/);
    // Another group does not get in beside it.
    expect(() => new Writers(['other{0'], { pipeGroup: String(GROUP + 5) })).toThrow(/can't be opened to the group: pipes of another group are in/);
    grouped.close();
    own.close();
    new Writers(['other{0'], { pipeGroup: String(GROUP + 5) }).close();
  });

  test('can be given to no group that is not there, or that their user is not in', async () => {
    expect(() => new Writers(['none{0'], { pipeGroup: 'no-such-group' })).toThrow(expect.objectContaining({ code: 'E_PIPE_GROUP' }) as Error);
    mkdirSync(join(base, 'theirs'));
    chmodSync(join(base, 'theirs'), 0o777);
    process.env['BRICKS_RUN_DIRECTORY'] = join(base, 'theirs', 'run');
    spawnSync('chown', [String(USER), join(base, 'theirs')]);
    chmodSync(join(base, 'theirs'), 0o700);
    expect(await asUser(`${USER}`, 'writer', 'none{0', '1', 'keep', String(GROUP))).toMatch(/^1 E_PIPE_GROUP .* this user is not in it/);
  });
});
