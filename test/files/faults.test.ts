import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { readCaptureFile } from 'packet-bricks/src/files/capture-file';
import { SinkBench, hasNative, itNeeds, packetOf, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const kinds = hasNative ? [true, false] : [false];
const notBuilt = hasNative ? false : 'bricks_files was not built';

itNeeds(notBuilt)('native functions of capture files answer nonsense with exceptions, and the process lives on', () => {
  const nonsense = [join(__dirname, 'nonsense.cjs'), require.resolve('packet-bricks/src/files/native-files')];
  expect(execFileSync(process.execPath, nonsense, { encoding: 'utf8', cwd: directory })).toBe('only exceptions\n');
});

it.each(kinds)('a brick that hands on rows that there are not costs counted packets, and no foreign memory is recorded (native: %s)', (native) => {
  const path = join(directory, `rows-${native}.pcap`);
  const bench = new SinkBench([path], {}, native);
  const { batch, lists } = bench;
  bench.send([packetOf(60), packetOf(61, 1)]);
  const lists0 = (rows: readonly number[], count = rows.length): void => {
    lists.rows.set(rows);
    lists.counts[0] = count;
    bench.again(false);
  };
  lists0([0, 256, 5000, 65535, 1]);
  batch.offset[1] = batch.memory.bytes.length - 60;
  lists0([1, 0]);
  batch.offset[1] = 0xffff_ffff;
  lists0([1]);
  lists.rows.fill(300);
  lists0([0], 256 + 1000);
  bench.transmitter.close();
  expect([...readCaptureFile(path)].map((packet) => packet.bytes.length)).toEqual([60, 61, 60, 61, 60, 60]);
  expect([bench.sent(), bench.bytes(), bench.drops()]).toEqual([6, 362, { backendError: 3 + 1 + 1 + 255 + 1000 }]);
});
