import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { CoreAddon } from 'packet-bricks/src/native/core-addon';
import { loadAddon } from 'packet-bricks/src/native/load-addon';
import { attachToStream } from 'packet-bricks/src/pipes';
import { openTap, tapError } from 'packet-bricks/src/pipes/tap';
import { Program, temporaryRunDirectory, until, Writers } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
let directory: string;
beforeAll(() => {
  removeDirectory = temporaryRunDirectory();
  directory = mkdtempSync(join(tmpdir(), 'bricks-attach-'));
});
afterAll(() => {
  removeDirectory();
  rmSync(directory, { recursive: true, force: true });
});

/** What a classic pcap stream holds: link type, and of each record its time, lengths and first number. */
function parsePcap(stream: Buffer): { magic: number; linkType: number; records: { seconds: number; nanoseconds: number; length: number; wireLength: number; number: number }[] } {
  const records = [];
  for (let at = 24; at < stream.length; at += 16 + stream.readUInt32LE(at + 8)) {
    records.push({ seconds: stream.readUInt32LE(at), nanoseconds: stream.readUInt32LE(at + 4), length: stream.readUInt32LE(at + 8), wireLength: stream.readUInt32LE(at + 12), number: stream.readUInt32BE(at + 16) });
  }
  return { magic: stream.readUInt32LE(0), linkType: stream.readUInt32LE(20), records };
}

async function withPipe(name: string, body: (writers: Writers) => Promise<void>): Promise<void> {
  const writers = new Writers([`${name}{0`]);
  try {
    await body(writers);
  } finally {
    writers.close();
  }
}

function attachProgram(command: object): Program {
  return new Program('attach', JSON.stringify(command));
}

describeNative('attaching a program to a pipe', () => {
  test('gives it a pcap stream with every packet, its time to the nanosecond and both lengths', async () => {
    await withPipe('stream', async (writers) => {
      const program = attachProgram({ link: 'stream}0' });
      await writers.read();
      for (let round = 0; round < 500; round++) writers.send();
      writers.close();
      expect(await program.exited).toBe(0);
      const { magic, linkType, records } = parsePcap(Buffer.from(program.output, 'latin1'));
      expect([magic, linkType]).toEqual([0xa1b23c4d, 1]);
      expect(records).toEqual(Array.from({ length: 32_000 }, (_, number) => ({ seconds: 1000, nanoseconds: number, length: 60, wireLength: 60, number })));
    });
  });

  test('writes to a stream of Node too, in microseconds if asked', async () => {
    await withPipe('writable', async (writers) => {
      const stream = new PassThrough();
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      const copying = attachToStream('writable}0', stream, { format: 'microseconds', count: 3000 });
      await writers.read();
      for (let round = 0; round < 100; round++) writers.send();
      expect(await copying).toMatchObject({ packets: 3000, bytes: 180_000, end: 'count' });
      const { magic, records } = parsePcap(Buffer.concat(parts));
      expect(magic).toBe(0xa1b2c3d4);
      expect(records.map((record) => record.nanoseconds)).toEqual(Array.from({ length: 3000 }, (_, number) => Math.floor(number / 1000)));
    });
  });

  test('with a count, leaves what follows to the next reader', async () => {
    await withPipe('counted', async (writers) => {
      const first = attachProgram({ link: 'counted}0', count: 10 });
      await writers.read();
      writers.send();
      expect(await first.exited).toBe(0);
      const second = attachProgram({ link: 'counted}0', count: 54, all: true });
      expect(await second.exited).toBe(0);
      expect(parsePcap(Buffer.from(second.output, 'latin1')).records[0].number).toBe(10);
    });
  });

  test('gives a valid stream without packets when none came', async () => {
    await withPipe('empty', async (writers) => {
      const program = attachProgram({ link: 'empty}0' });
      await writers.read();
      writers.close();
      expect(await program.exited).toBe(0);
      expect(parsePcap(Buffer.from(program.output, 'latin1'))).toEqual({ magic: 0xa1b23c4d, linkType: 1, records: [] });
    });
  });

  test('ends quietly when the program behind it has seen enough', async () => {
    await withPipe('enough', async (writers) => {
      const program = attachProgram({ link: 'enough}0' });
      await writers.read();
      for (let round = 0; round < 300; round++) writers.send();
      await until(() => program.output.length > 0, 'the stream');
      program.child.stdout.destroy();
      for (let round = 0; round < 100 && program.child.exitCode === null; round++) {
        writers.send();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await program.exited).toBe(0);
      expect(program.errors).toBe('');
    });
  });

  test('counts packets, bytes and flows', async () => {
    await withPipe('sum', async (writers) => {
      const program = attachProgram({ link: 'sum}0', count: true });
      await writers.read();
      writers.send(0, 30);
      writers.close();
      expect(await program.exited).toBe(0);
      expect(program.errors).toContain('sum}0: 30 packets, 1800 bytes, 0 flows');
    });
  });

  test('runs a program with the stream on its input, and ends as it does', async () => {
    await withPipe('exec', async (writers) => {
      const file = join(directory, 'exec.pcap');
      const program = attachProgram({ link: 'exec}0', exec: ['sh', '-c', `cat > ${file}; exit 7`] });
      await writers.read();
      writers.send();
      await until(() => existsSync(file), 'the file');
      await new Promise((resolve) => setTimeout(resolve, 200));
      writers.close();
      expect(await program.exited).toBe(7);
      expect(parsePcap(readFileSync(file)).records).toHaveLength(64);
    });
  });

  test('ends when the program does, though no packet comes', async () => {
    await withPipe('short', async () => {
      const program = attachProgram({ link: 'short}0', exec: ['true'] });
      expect(await program.exited).toBe(0);
    });
  });

  test('says which program can not be started', async () => {
    const program = attachProgram({ link: 'none}0', exec: ['/no/such/program'] });
    expect(await program.exited).toBe(1);
    expect(program.errors).toMatch(/E_ATTACH_EXEC .*no\/such\/program/);
  });

  const canMakeTap = process.getuid?.() === 0 && existsSync('/dev/net/tun');
  (canMakeTap ? test : test.skip)('feeds a tap interface, and with reconnect goes on with the next writer', async () => {
    await withPipe('tap', async (writers) => {
      const name = `brk${process.pid % 100_000}`;
      const program = attachProgram({ link: 'tap}0', tap: name, reconnect: true });
      await writers.read();
      writers.send(0, 10);
      const received = (): number => {
        try {
          return Number(readFileSync(`/sys/class/net/${name}/statistics/rx_packets`, 'utf8'));
        } catch {
          return 0;
        }
      };
      await until(() => received() >= 10, `packets on ${name}: ${program.errors}`);
      writers.close();
      await program.says('waiting for the next one');
      const next = new Writers(['tap{0']);
      await program.says('reading again');
      next.send(0, 10);
      await until(() => received() >= 20, `more packets on ${name}: ${program.errors}`);
      await program.kill();
      next.close();
    });
  });

  test('a tap that cannot be made says what is missing, and what gives it', () => {
    const { EPERM, EBUSY, ENOENT } = constants.errno;
    expect(() => openTap(loadAddon<CoreAddon>('bricks_core'), 'a-name-too-long-for-it')).toThrow(expect.objectContaining({ code: 'E_ATTACH_TAP', message: expect.stringMatching(/longer than 15 characters/) as string }) as Error);
    expect(tapError('tap0', EPERM, '')).toMatchObject({ code: 'E_PERMISSION', message: expect.stringMatching(process.platform === 'linux' ? /sudo setcap cap_net_raw,cap_net_admin\+eip/ : /root/) as string });
    expect(tapError('tap0', EBUSY, '').message).toMatch(/there is an interface of that name/);
    expect(tapError('tap0', ENOENT, '').message).toMatch(/no \/dev\/net\/tun\. Load the module: sudo modprobe tun/);
  });

  const hasNamespaces = canMakeTap && spawnSync('unshare', ['--net', '--mount', 'true']).status === 0;
  (hasNamespaces ? test : test.skip).each([['', 'IPv6 switched off'], ['mount -o remount,bind,ro /proc/sys &&', 'settings that can only be read, as in a container']])('sends nothing by a tap interface of its own (%s%s)', async (before) => {
    // A network of its own, with addresses that the packets from the pipe ask for, and a forwarder, which has most to say.
    const script = `mount --bind /proc/sys /proc/sys && ip link set lo up && ip address add 192.0.2.1/32 dev lo && ip address add 2001:db8::1/128 dev lo &&
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding && ${before} exec "$0" "$1" silent`;
    const child = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', script, process.execPath, join(__dirname, 'programs', 'silent-tap.cjs')], { env: process.env, encoding: 'utf8', timeout: 60_000 });
    expect(child.stderr).toBe('');
    expect(JSON.parse(child.stdout)).toEqual({ received: 4, sent: [] });
  });

  test('is read by tcpdump', async () => {
    try {
      execFileSync('tcpdump', ['--version'], { stdio: 'ignore' });
    } catch {
      console.warn('tcpdump is not installed: left out');
      return;
    }
    await withPipe('tcpdump', async (writers) => {
      const program = attachProgram({ link: 'tcpdump}0', count: 20, exec: ['tcpdump', '-n', '-r', '-', '-w', join(directory, 'copy.pcap'), '--time-stamp-precision=nano'] });
      await writers.read();
      writers.send();
      expect(await program.exited).toBe(0);
      expect(parsePcap(readFileSync(join(directory, 'copy.pcap'))).records).toHaveLength(20);
    });
  });
});
