import { join } from 'node:path';
import { writeCaptureFile } from 'packet-bricks/src/files/capture-file';
import { hasNative, openSource, packetOf, packetsOf, temporaryDirectory, type OpenedSource } from './support';

const directory = temporaryDirectory();
const parsers = hasNative ? [true, false] : [false];

let now = 0;
let files = 0;

/** A file of packets with these times, in seconds, played by a clock that stands until it is set. */
function play(times: readonly number[], native: boolean, options: Record<string, number> = {}, format: 'pcap' | 'pcapng' = 'pcap'): OpenedSource {
  now = 7000;
  const path = join(directory, `${++files}.${format}`);
  writeCaptureFile(path, times.map((time, index) => packetOf(60, index, { seconds: Math.floor(time), nanoseconds: Math.round((time % 1) * 1e9) })));
  return openSource(path, { pace: 'timestamps', ...options }, { clock: () => now, native });
}

/** When each packet comes, in seconds from the first, if the clock goes from one due time to the next. */
function scheduleOf(source: OpenedSource): number[] {
  const start = now;
  const schedule: number[] = [];
  for (;;) {
    const rows = source.port.receive();
    if (rows < 0) return schedule;
    schedule.push(...packetsOf(source.batch).map(() => Math.round(now - start) / 1000));
    if (rows > 0) continue;
    const due = source.port.nextDue?.() ?? Infinity;
    if (due === Infinity || due <= 0) throw new Error(`nothing now, and the next packet is due in ${due} ms`);
    now += due;
  }
}

describe.each(parsers)('a file played by its time stamps (native: %s)', (native) => {
  it.each([0, 1, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_fffd])('keeps its gaps, whatever the time of its first packet is: %d', (first) => {
    for (const format of ['pcap', 'pcapng'] as const) {
      const source = play([first, first + 0.25, first + 1, first + 2], native, {}, format);
      expect(scheduleOf(source)).toEqual([0, 0.25, 1, 2]);
      expect(source.notices).toEqual([]);
    }
  });

  it('keeps its gaps where seconds wrap, as they do between a time before 1970 and one after it', () => {
    expect(scheduleOf(play([0xffff_fffe, 0xffff_ffff, 0xffff_ffff + 0.5, 0, 1], native))).toEqual([0, 1, 1.5, 2, 3]);
  });

  it('waits for a packet of any time, the last second that there is too', () => {
    expect(scheduleOf(play([0xffff_ffff], native))).toEqual([0]);
    expect(scheduleOf(play([0xffff_ffff, 0xffff_ffff + 0.999], native))).toEqual([0, 0.999]);
    expect(scheduleOf(play([0, 0, 0], native))).toEqual([0, 0, 0]);
  });

  it('waits no longer than longestWaitSeconds where the time jumps ahead, and says so once', () => {
    const source = play([0, 1, 1_700_000_000, 1_700_000_001, 1_700_100_000, 1_700_100_002], native);
    expect(scheduleOf(source)).toEqual([0, 1, 61, 62, 122, 124]);
    expect(source.notices).toHaveLength(1);
    expect(source.notices[0]).toMatch(/Packet 3 of .* is due in 1699999999 s by its time stamp; it is sent in 60 s \(longestWaitSeconds\)/);
    expect(scheduleOf(play([0, 1, 1_700_000_000, 1_700_000_001], native, { longestWaitSeconds: 5 }))).toEqual([0, 1, 6, 7]);
    expect(scheduleOf(play([0, 1000, 1001], native, { longestWaitSeconds: 0 }))).toEqual([0, 0, 0]);
    expect(scheduleOf(play([0, 1000, 1001], native, { longestWaitSeconds: 2000 }))).toEqual([0, 1000, 1001]);
    expect(scheduleOf(play([0, 100, 101], native, { speed: 2 }))).toEqual([0, 50, 50.5]);
  });

  it('goes on with its gaps where the time was set back, and says so once', () => {
    const source = play([5000, 5001, 1000, 1001, 1003, 10, 11], native);
    expect(scheduleOf(source)).toEqual([0, 1, 1, 2, 4, 4, 5]);
    expect(source.notices).toHaveLength(1);
    expect(source.notices[0]).toMatch(/go back by 4001 s at packet 3: that packet is sent at once/);
  });

  it('takes packets that are out of order by up to a second as they come', () => {
    const source = play([100.5, 101.5, 101, 102.25, 101.75, 103], native);
    expect(scheduleOf(source)).toEqual([0, 1, 1, 1.75, 1.75, 2.5]);
    expect(source.notices).toEqual([]);
  });
});
