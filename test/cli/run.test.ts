import { readFileSync, writeFileSync } from 'node:fs';
import { readCapture } from '../support/captures';
import { flowPacket } from '../support/loopback-engine';
import { Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  const packets = Array.from({ length: 600 }, (_, number) => ({ bytes: flowPacket(number % 12, number).bytes, seconds: number }));
  const sound = readFileSync(writeCapture(place.path('in.pcap'), packets));
  writeFileSync(place.path('cut.pcap'), sound.subarray(0, -5));
});
afterAll(() => place.dispose());

const lengthOf = (name: string): number => readCapture(place.path(name)).length;

test('a setup in one line splits a capture file, runs until it has ended, and says what was received', async () => {
  const { code, stderr } = await place.run(['run', 'in.pcap -> LoadBalancer(4) -> Filter("udp"), Merge -> out-{0..1}.pcap']);
  expect(stderr).toMatch(/^bricks: e0: 600 packets received, \d+ dropped/);
  expect(code).toBe(0);
  const udp = Number(/(\d+) because a brick chose/.exec(stderr)?.[1] ?? 0);
  expect(lengthOf('out-0.pcap') + lengthOf('out-1.pcap')).toBe(600 - udp);
});

test('several engines that hand packets on through a pipe end when the first one has', async () => {
  const { code, stderr } = await place.run(['run', '-f', '-', '-b', '64'], { input: '# two\nin.pcap -> Dummy -> p{0\nengine e1 (batch = 7):\n  p}0 -> two.pcap\n' });
  expect(stderr.split('\n').sort()).toEqual(['', 'bricks: e0: 600 packets received, 0 dropped', 'bricks: e1: 600 packets received, 0 dropped']);
  expect(code).toBe(0);
  expect(lengthOf('two.pcap')).toBe(600);
});

test('a file whose name ends in .bricks is run by bricks -f, too, and the exit code tells of damage', async () => {
  writeFileSync(place.path('set-up.bricks'), '\ufeffd: Duplicator\r\ncut.pcap -> d\r\nd[0] -> a.pcap; d[1] -> b.pcap\r\n');
  const [main, run] = await Promise.all([place.run(['-f', 'set-up.bricks']), place.run(['run', '-f', 'set-up.bricks'], { directory: place.folder })]);
  expect([main.code, run.code]).toEqual([3, 3]);
  expect(lengthOf('a.pcap')).toBe(599);
});

test('standard input and output are links, also at the beginning of a setup', async () => {
  const running = place.start(['run', '- -> Dummy -> -', '--backend', 'pcap']);
  running.child.stdin.end(readFileSync(place.path('in.pcap')));
  const { code, stdout, stderr } = await running.ended;
  expect(stderr).toBe('bricks: e0: 600 packets received, 0 dropped\n');
  expect(stdout.length).toBeGreaterThan(600 * 60);
  expect(code).toBe(0);
});

test('a live setup runs until a signal, and says what it has counted', async () => {
  const running = place.start(['run', '--backend', 'loopback', 'lo0 -> LoadBalancer -> x{0..1'], { input: '' });
  await running.says(/lo0/);
  running.signal('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('e0: 0 packets received, 0 dropped') });
});

test('mistakes have a place, a code and an exit code', async () => {
  const [kind, link, words, none, absent] = await Promise.all([
    place.run(['run', 'in.pcap -> LoadBalencer -> x{0..1']),
    place.run(['run', 'nowhere.pcap -> x.pcap']),
    place.run(['run', 'eth3', '-', 'LoadBalancer']),
    place.run(['run']),
    place.run(['run', '-f', 'absent.bricks']),
  ]);
  expect(kind).toMatchObject({ code: 1, stderr: 'bricks: line 1, column 12: There is no brick "LoadBalencer". Did you mean LoadBalancer? If it is an interface, put it in quotes. [E_BRICK]\n    in.pcap -> LoadBalencer -> x{0..1\n               ^^^^^^^^^^^^\n' });
  expect(link.stderr).toMatch(/nowhere\.pcap.*\[E_FILE\]/);
  expect(link.code).toBe(1);
  expect(words).toMatchObject({ code: 2, stderr: expect.stringContaining('put all of it in single quotes') });
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('run needs a setup') });
  expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_SCRIPT]') });
});
