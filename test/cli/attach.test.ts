/** `bricks attach` as its user types it. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readCapture } from '../support/captures';
import { writeFlows } from '../support/loopback-engine';
import { Workplace, type Running } from '../support/program';

let place: Workplace;
let capture: string;
const PACKETS = 800;
beforeAll(() => {
  place = new Workplace();
  capture = writeFlows(place.path('trace.pcap'), PACKETS, 60);
});
afterAll(() => place.dispose());

/** An engine that plays the capture into a link, so often. */
function play(link: string, loop = 1): Promise<{ code: number | null; stderr: string }> {
  return place.run(['--backend', 'loopback'], { input: `
pe = PktEngine.new("e0")
pe:link(Brick.new("PcapReader", {loop = ${loop}}):connect_input("${capture}"):connect_output("${link}")):start()
` });
}

async function attached(...args: string[]): Promise<Running> {
  const reader = place.start(['attach', ...args], { input: '' });
  await reader.says(/waiting for/);
  return reader;
}

describe('what can not work is told before the pipe is there', () => {
  test.each<[string, string[], RegExp]>([
    ['the end that bricks write to', ['x{0'], /x\{0 is the end that bricks write to\. Read the other end: 'x\}0'\. \[E_ATTACH_END\]/],
    ['a program that is not there', ['x}0', '--exec', 'nosuchprog'], /nosuchprog can't be started: there is no such program\..*\[E_ATTACH_EXEC\]/],
    ['a file in no directory', ['x}0', '--write', '/nonexist/x.pcap'], /there is no directory \/nonexist\. \[E_FILE\]/],
    ['no name of an interface', ['x}0', '--tap', ''], /--tap needs the name of an interface\. \[E_ATTACH_TAP\]/],
    ['a directory', ['x}0', '--write', '/tmp'], /\/tmp is a directory\. Name a file in it: --write \/tmp\/name\.pcap \[E_FILE\]/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await place.run(['attach', ...args]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

test('a file that is there stays as it is while the pipe is waited for', async () => {
  writeFileSync(place.path('old.pcap'), 'precious');
  const reader = await attached('old}0', '--write', 'old.pcap');
  reader.signal('SIGINT');
  expect((await reader.ended).code).toBe(0);
  expect(readFileSync(place.path('old.pcap'), 'utf8')).toBe('precious');
});

test('x{0 is read, with a word about it, where an engine writes to x}0', async () => {
  const engine = place.start(['--backend', 'loopback'], { input: `
pe = PktEngine.new("e0")
pe:link(Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("turned}0")):start()
print("running")
` });
  await engine.says(/running/);
  const { code, stderr } = await place.run(['attach', 'turned{0', '--count=10', '--write', 'turned.pcap']);
  engine.signal('SIGTERM');
  await engine.ended;
  expect(stderr).toMatch(/^bricks: Reading turned\{0, because somebody writes to turned\}0.*\n$/);
  expect(code).toBe(0);
  expect(readCapture(place.path('turned.pcap'))).toHaveLength(10);
});

describe('a target that is full', () => {
  test('is named, with the pipe and what to do', async () => {
    const reader = await attached('full}0', '--write', '/dev/full');
    await play('full{0');
    const { code, stderr } = await reader.ended;
    expect(stderr).toMatch(/Cannot write packets of full\}0 to \/dev\/full any more: the disk is full \(ENOSPC\)\..*Free some space.*\[E_ATTACH_WRITE\]/);
    expect(code).toBe(1);
  });

  test.each([['--write', ['--write', 'cut.pcap'], ''], ['a redirection', [], '> redirected.pcap']])('holds whole packets only (%s)', async (_, args, redirection) => {
    const file = place.path(redirection === '' ? 'cut.pcap' : 'redirected.pcap');
    // Files of 4 KiB (of 8 where a block has 1024 bytes): the signal of the limit is ignored, so that writing fails instead.
    const reader = place.start(['attach', 'cut}0', ...args], { input: '', wrap: ['sh', '-c', `trap "" XFSZ; ulimit -f 8; exec "$@" ${redirection}`, 'sh'] });
    await reader.says(/waiting for/);
    await play('cut{0');
    const { code, stderr } = await reader.ended;
    expect(stderr).toMatch(/E_ATTACH_WRITE/);
    expect(code).toBe(1);
    const packets = readCapture(file);
    expect(packets.length).toBeGreaterThan(10);
    expect(packets.length).toBeLessThan(PACKETS);
    expect(packets).toEqual(readCapture(capture).slice(0, packets.length));
  });
});

describe('a named pipe as a target', () => {
  const fifo = (name: string): string => {
    execFileSync('mkfifo', [place.path(name)]);
    return place.path(name);
  };

  test('is waited for until somebody reads it, who gets everything', async () => {
    const path = fifo('late');
    const reader = await attached('late}0', '--write', path);
    await play('late{0');
    await reader.says(/waiting for a reader of .*late/);
    const bytes: Buffer[] = [];
    const other = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const chunk of other.stdout) bytes.push(chunk as Buffer);
    expect((await reader.ended).code).toBe(0);
    writeFileSync(place.path('late.pcap'), Buffer.concat(bytes));
    expect(readCapture(place.path('late.pcap'))).toHaveLength(PACKETS);
  });

  test('that nobody reads holds up no signal', async () => {
    const path = fifo('unread');
    const reader = await attached('unread}0', '--write', path);
    await play('unread{0');
    await reader.says(/waiting for a reader of/);
    reader.signal('SIGTERM');
    expect((await reader.ended).code).toBe(0);
  });

  test('whose reader takes nothing is left by a second signal', async () => {
    const path = fifo('stuck');
    const held = openSync(path, constants.O_RDWR);
    const reader = await attached('stuck}0', '--write', path);
    await play('stuck{0', 4);
    reader.signal('SIGTERM');
    await reader.says(/a second signal exits at once/);
    reader.signal('SIGTERM');
    expect(await reader.ended).toMatchObject({ signal: 'SIGTERM', stderr: expect.stringMatching(/second signal: exited at once, before everything was written\n$/) });
    closeSync(held);
  });
});

test('a program that dies of a signal ends it as a shell would tell it', async () => {
  expect((await place.run(['attach', 'x}0', '--exec', 'sh', '-c', 'kill -KILL $$'])).code).toBe(137);
});

test('the directory of a network namespace goes with its last pipe', async () => {
  const directory = place.path('pipes');
  const { code, stdout } = await place.run(['--backend', 'loopback'], { input: `
pe = PktEngine.new("e0")
pe:link(Brick.new("Dummy"):connect_input("last}0"):connect_output("/dev/null"))
os.execute("ls ${directory} | wc -l")
pe:unlink()
os.execute("ls ${directory} | wc -l")
`, environment: { BRICKS_RUN_DIRECTORY: directory } });
  expect(stdout).toBe('1\n0\n');
  expect(code).toBe(0);
});

describe('with --reconnect', () => {
  /** Plays the capture twice, the second time once the reader waits for it. */
  async function playTwice(reader: Running, link: string): Promise<void> {
    await play(link);
    await reader.says(/has closed it; waiting for the next one/);
    await play(link);
    await reader.says(/(has closed it; waiting for the next one[^]*){2}/);
  }

  test.each([
    ['a file', ['--write', 'again.pcap']],
    ['a program', ['--exec', 'sh', '-c', 'cat > again.pcap']],
  ])('%s gets one stream of all that comes, whichever engine it comes from', async (_, target) => {
    const reader = await attached('again}0', '--reconnect', ...target);
    await playTwice(reader, 'again{0');
    reader.signal('SIGINT');
    const { code, stderr } = await reader.ended;
    expect(stderr).toMatch(/again\}0: its writer has closed it; waiting for the next one \.\.\.\n.*again\}0: reading again\n/);
    expect(code).toBe(0);
    const once = readCapture(capture);
    expect(readCapture(place.path('again.pcap'))).toEqual([...once, ...once]);
  });

  test('a file stays whole where the program that writes the pipe is killed, and goes on with the next one', async () => {
    const reader = await attached('slain}0', '--reconnect', '--write', 'slain.pcap');
    const begin = async (): Promise<Running> => {
      const engine = place.start(['--backend', 'loopback'], { input: `
pe = PktEngine.new("e0")
pe:link(Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("slain{0")):start()
print("running")
` });
      await engine.says(/running/);
      return engine;
    };
    const size = (): number => statSync(place.path('slain.pcap'), { throwIfNoEntry: false })?.size ?? 0;
    const grows = async (from: number): Promise<void> => {
      while (size() <= from) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const first = await begin();
    await grows(100_000);
    first.signal('SIGKILL');
    await first.ended;
    await reader.says(/slain\}0: its writer was killed; waiting for the next one/);
    const left = size();
    const second = await begin();
    await reader.says(/reading again/);
    await grows(left + 100_000);
    reader.signal('SIGINT');
    expect((await reader.ended).code).toBe(0);
    second.signal('SIGTERM');
    await second.ended;
    // Every record is whole and one of the capture's, whichever engine it comes from.
    const known = new Set(readCapture(capture).map(({ bytes }) => Buffer.from(bytes).toString('hex')));
    const packets = readCapture(place.path('slain.pcap'));
    expect(packets.length).toBeGreaterThan(PACKETS);
    expect(packets.every(({ bytes }) => known.has(Buffer.from(bytes).toString('hex')))).toBe(true);
  });

  test('counts, and ends after so many packets, over all engines', async () => {
    const reader = await attached('sum}0', '--reconnect', '--count');
    const limited = await attached('limit}0', '--reconnect', `--count=${PACKETS + 10}`, '--write', 'limit.pcap');
    await Promise.all([playTwice(reader, 'sum{0'), play('limit{0').then(() => limited.says(/waiting for the next one/)).then(() => play('limit{0'))]);
    expect((await limited.ended).code).toBe(0);
    expect(readCapture(place.path('limit.pcap'))).toHaveLength(PACKETS + 10);
    reader.signal('SIGTERM');
    expect((await reader.ended).stderr).toMatch(new RegExp(`sum}0: ${2 * PACKETS} packets, .* 60 flows`));
  });

  test('each pipe of a device keeps its program', async () => {
    const reader = await attached('each}*', '--reconnect', '--exec', 'sh', '-c', 'cat > each-{}.pcap');
    for (let time = 1; time <= 2; time++) {
      await Promise.all([play('each{a'), play('each{b')]);
      await reader.says(new RegExp(`(each\\}a: its writer has closed it[^]*){${time}}`));
      await reader.says(new RegExp(`(each\\}b: its writer has closed it[^]*){${time}}`));
    }
    reader.signal('SIGINT');
    await reader.ended;
    for (const name of ['a', 'b']) expect(readCapture(place.path(`each-${name}.pcap`))).toHaveLength(2 * PACKETS);
  });
});
