/** `bricks attach`: its exit codes, programs that are started again, and one program for each output. */
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attach, runAttach } from 'packet-bricks/src/pipes';
import { Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
let directory: string;
beforeAll(() => {
  removeDirectory = temporaryRunDirectory();
  directory = mkdtempSync(join(tmpdir(), 'bricks-each-'));
});
afterAll(() => {
  removeDirectory();
  rmSync(directory, { recursive: true, force: true });
});

const attachProgram = (command: object): Program => new Program('attach', JSON.stringify(command));
const packetsIn = (file: string): number => (readFileSync(file).length - 24) / 76;

describeNative('bricks attach', () => {
  test.each<[string, object]>([
    ['a file', { write: 1 }],
    ['a count', { count: true }],
    ['a program', { exec: ['sh', '-c', 'cat > /dev/null'] }],
  ])('ends with an error when the writer of its pipe was killed, not when that ended in order (%s)', async (name, command) => {
    const id = name.replace(' ', '-');
    const reader = attachProgram({ link: `mind}${id}`, ...command });
    await reader.says('waiting');
    const writer = new Program('writer', `mind{${id}`, '5');
    await writer.says('written');
    await writer.kill();
    expect(await reader.exited).toBe(1);
    expect(reader.errors).toMatch(/E_ATTACH_KILLED mind}.* ended because the process that wrote it, .*, was killed\./);
    const again = attachProgram({ link: `mind}${id}`, ...command });
    await again.says('waiting');
    const orderly = new Program('writer', `mind{${id}`, '5');
    await orderly.says('written');
    orderly.child.stdin.write('close');
    expect(await again.exited).toBe(0);
  });

  test.each([['what is still in the pipe while the writer runs', false], ['what is lost once the writer has ended', true]])('tells of a full disk, and %s', async (_, ended) => {
    const writers = new Writers(['full{0']);
    const attaching = runAttach({
      link: 'full}0',
      write: () => {
        writers.send(0, 20);
        if (ended) writers.close();
        return Promise.resolve(openSync('/dev/full', 'w'));
      },
      say: () => undefined,
    });
    await expect(attaching).rejects.toThrow(ended ? /ENOSPC.*The writer of the pipe has ended, so the unwritten packets are lost\./ : /ENOSPC.*attach again with --all: the unwritten packets stay in the pipe/);
    if (ended) return;
    const rest = await attach('full}0', { all: true });
    expect(rest.receive()).toBe(20);
    rest.close();
    writers.close();
  });

  test('starts a program that dies again, which gets what comes then, and ends with the last one', async () => {
    const writers = new Writers(['again{0']);
    const state = join(directory, 'again');
    const script = `echo start >> ${state}; test $(wc -l < ${state}) -gt 2 || { head -c 50 > /dev/null; exit 3; }; cat > ${state}.pcap; exit 0`;
    const reader = attachProgram({ link: 'again}0', exec: ['sh', '-c', script], restart: true });
    await writers.read();
    for (let round = 1; round <= 2; round++) {
      await until(() => { writers.send(0, 5); return reader.errors.split('exited with code 3; restarting it').length > round; }, `exit ${round}: ${reader.errors}`);
    }
    await until(() => existsSync(`${state}.pcap`), 'the third');
    const before = writers.next[0];
    writers.send(0, 10);
    expect(writers.next[0]).toBe(before + 10);
    writers.close();
    expect(await reader.exited).toBe(0);
    expect(packetsIn(`${state}.pcap`)).toBeGreaterThanOrEqual(10);
  });

  test('without being asked starts nothing again', async () => {
    const writers = new Writers(['once{0']);
    const reader = attachProgram({ link: 'once}0', exec: ['sh', '-c', 'exit 3'] });
    expect(await reader.exited).toBe(3);
    writers.close();
  });
});

describeNative("bricks attach 'eth3}*' --exec", () => {
  test('starts one program for each pipe, also for one that comes later, each with all packets of its own and its name', async () => {
    const reader = attachProgram({ link: 'each}*', exec: ['sh', '-c', 'cat > $0/$1.pcap; echo "$BRICKS_PIPE" > $0/$1.name', directory, '{}'] });
    await reader.says('waiting');
    const writers = new Writers(['each{0', 'each{1', 'each{10', 'other{0']);
    for (let output = 0; output < 4; output++) writers.send(output, 10 + output);
    const later = new Writers(['each{a b']);
    later.send(0, 20);
    expect([0, 1, 2, 3].map((output) => writers.drops(output))).toEqual([{}, {}, {}, { noReader: 13 }]);
    // With the end of the last pipe it ends.
    await later.read();
    await until(() => ['0', '1', '10', 'a b'].every((name) => existsSync(join(directory, `${name}.pcap`))), `files: ${reader.errors}`);
    writers.close();
    later.close();
    expect(await reader.exited).toBe(0);
    for (const [name, packets] of [['0', 10], ['1', 11], ['10', 12], ['a b', 20]] as const) {
      expect(packetsIn(join(directory, `${name}.pcap`))).toBe(packets);
      expect(readFileSync(join(directory, `${name}.name`), 'utf8')).toBe(`each}${name}\n`);
      expect(reader.errors).toMatch(new RegExp(`each}${name}: sh \\(process \\d+\\) has ended\n`));
    }
  });

  test('reads a pipe that somebody else reads as soon as that one has gone, and says once that it is busy', async () => {
    const writers = new Writers(['taken{0', 'taken{1']);
    const other = await attach('taken}0');
    const reader = attachProgram({ link: 'taken}*', exec: ['sh', '-c', 'cat > $0/$1.taken', directory, '{}'] });
    await reader.says('taken}0 is busy: read by process');
    await until(() => existsSync(join(directory, '1.taken')), 'the other pipe');
    other.close();
    await until(() => existsSync(join(directory, '0.taken')), 'the pipe that is free');
    writers.close();
    expect(await reader.exited).toBe(1);
    expect(reader.errors.split('is busy')).toHaveLength(2);
  });

  test('ends with the exit code of the one that failed, and tells it; the others go on', async () => {
    const writers = new Writers(['fail{0', 'fail{1']);
    const reader = attachProgram({ link: 'fail}*', exec: ['sh', '-c', 'test "$0" = 0 && exit 9; cat > $1/rest.pcap', '{}', directory] });
    await reader.says('fail}0: sh');
    await until(() => existsSync(join(directory, 'rest.pcap')), 'the other one');
    writers.send(1, 7);
    writers.close();
    expect(await reader.exited).toBe(9);
    expect(reader.errors).toMatch(/fail}0: sh \(process \d+\) exited with code 9\n/);
    expect(packetsIn(join(directory, 'rest.pcap'))).toBe(7);
  });

  test('builds no shell from its words', async () => {
    const writers = new Writers(['words{0']);
    writeFileSync(join(directory, 'show.cjs'), "process.stdin.resume(); require('fs').writeFileSync(process.argv[2], JSON.stringify(process.argv.slice(3)))");
    const words = ['$(touch x)', '; ls', '* ', '"{}"', "it's"];
    const reader = attachProgram({ link: 'words}*', exec: [process.execPath, join(directory, 'show.cjs'), join(directory, 'words.json'), ...words] });
    await until(() => existsSync(join(directory, 'words.json')) && readFileSync(join(directory, 'words.json'), 'utf8') !== '', 'the words');
    writers.close();
    await reader.exited;
    expect(JSON.parse(readFileSync(join(directory, 'words.json'), 'utf8'))).toEqual(words.map((word) => word.replace('{}', '0')));
    expect(readdirSync('.')).not.toContain('x');
  });

  test('is refused without a program, and finds no pipe where it is not to wait', async () => {
    const none = attachProgram({ link: 'none}*' });
    expect(await none.exited).toBe(1);
    expect(none.errors).toMatch(/E_ATTACH_LINK none}\* means several pipes/);
    const absent = attachProgram({ link: 'none}*', exec: ['cat'], noWait: true });
    expect(await absent.exited).toBe(1);
    expect(absent.errors).toMatch(/E_PIPE_ABSENT/);
  });
});
