import { connect } from 'node:net';
import { writeFileSync } from 'node:fs';
import { netmapRunEnvironment } from 'packet-bricks/backends/netmap/user-space';
import { Workplace, type Running } from '../support/program';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeFileSync(place.path('sleep.lua'), 'print("started")\nBRICKS.sleep(1000)\n');
  writeFileSync(place.path('engine.lua'), 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("in}0"):connect_output("out{0")):start()\nprint("started")\nBRICKS.sleep(1000)\n');
  writeFileSync(place.path('sleep.ts'), 'console.log("started");\nsetInterval(() => undefined, 1000);\n');
});
afterAll(() => place.dispose());

const refuses = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1').on('error', () => resolve(true)).on('connect', () => resolve(false));
  socket.on('connect', () => socket.destroy());
});

describe('SIGUSR1 prints statistics, and Node opens no debugger', () => {
  test.each<[string, string[], RegExp, RegExp]>([
    ['a set-up', ['--backend', 'loopback', '-f', 'engine.lua'], /started/, /e0: 0 packets received so far, 0 dropped/],
    ['a script without engines', ['-f', 'sleep.ts'], /started/, /no engine is linked/],
    ['attach', ['attach', 'nobody}0', '--count'], /waiting for nobody}0/, /nobody}0: waiting for the pipe/],
  ])('%s', async (_, args, started, statistics) => {
    const running = place.start(args);
    await running.says(started);
    running.signal('SIGUSR1');
    await running.says(statistics);
    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/debugger/i) as string });
  });

  const inUserSpace = ((): boolean => {
    try {
      return netmapRunEnvironment() !== undefined;
    } catch {
      return false;
    }
  })();

  (inUserSpace ? test : test.skip)('netmap-run hands it on to its program (needs netmap in user space)', async () => {
    const running = place.start(['netmap-run', '--', 'sh', '-c', 'trap "echo told; exit 7" USR1; echo started; while :; do sleep 0.05; done']);
    await running.says(/started/);
    running.signal('SIGUSR1');
    expect(await running.ended).toMatchObject({ code: 7, stdout: 'started\ntold\n', stderr: '' });
  });

  test('one that Node opened while it started is closed', async () => {
    let running: Running;
    do {
      // Before Node has its handler the signal ends the process.
      running = place.start(['-f', 'sleep.lua'], { environment: { NODE_OPTIONS: '--inspect-port=0' } });
      const signals = setInterval(() => running.signal('SIGUSR1'), 20);
      await running.says(/Debugger listening|started/).catch(() => undefined);
      clearInterval(signals);
    } while (running.child.signalCode === 'SIGUSR1');
    await running.says(/started/);
    running.signal('SIGUSR1');
    await running.says(/no engine is linked/);
    const port = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(running.stderr)?.[1];
    if (port !== undefined) expect(await refuses(Number(port))).toBe(true);
    running.signal('SIGTERM');
    await running.ended;
  });
});

describe('SIGTERM ends a script that sleeps, without an error', () => {
  test.each<[string, string[], string | undefined]>([
    ['in Lua', ['-f', 'sleep.lua'], undefined],
    ['in TypeScript', ['-f', 'sleep.ts'], undefined],
    ['on standard input', [], 'print("started")\nBRICKS.sleep(1000)\n'],
  ])('%s', async (_, args, input) => {
    const running = place.start(args);
    if (input !== undefined) running.child.stdin.write(input);
    await running.says(/started/);
    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
