/** What `bricks top` shows and what its keys do, without a terminal: every line fits, at any width. */
import { RateMeter } from 'packet-bricks/src/control/rate-meter';
import { nothingCounted, type EngineStatistics } from 'packet-bricks/src/control/statistics';
import { csvHeader, csvOf, jsonOf } from 'packet-bricks/src/top/formats';
import { linesOf, plainText } from 'packet-bricks/src/top/lines';
import { durationText } from 'packet-bricks/src/top/run-top';
import { bodyLines, draw, FIRST_STATE, pressed, type Screen, type TopState } from 'packet-bricks/src/top/state';
import { tablesOf } from 'packet-bricks/src/top/tables';

function balancer(packets: number): EngineStatistics {
  const sink = { role: 'sink' as const, from: 'LoadBalancer', bytes: 50 * packets };
  return {
    ...nothingCounted('balance'), running: true, packets, bytes: 100 * packets, drops: packets / 2, busyNanoseconds: 950_000 * packets, longestBatchNanoseconds: 1_500_000,
    links: [
      { name: 'eth3', role: 'source', to: 'LoadBalancer', packets, bytes: 100 * packets, dropped: 0, drops: {} },
      { ...sink, name: 'eth3{0', packets: packets / 2, dropped: 0, drops: {}, ring: { bytes: 1 << 22, used: 1 << 20, reader: { process: 71, name: 'suricata' } } },
      { ...sink, name: 'eth3{1', packets: 0, bytes: 0, dropped: packets / 2, drops: { noReader: packets / 2 }, ring: { bytes: 1 << 22, used: 0 } },
    ],
    bricks: [{ id: 1, kind: 'LoadBalancer', label: 'LoadBalancer', packetsIn: packets, packetsOut: packets, copies: 0, created: 0, held: 0, dropped: 0, drops: {}, nanosecondsPerPacket: 31.4, counters: {}, gauges: {} }],
  };
}

const meter = new RateMeter();
meter.add([balancer(0)], 0);
const ENGINES = [{ ...balancer(2000), rates: meter.rates(balancer(2000), 2) }, nothingCounted('spare')];

function screen(state: Partial<TopState> = {}, width = 80, height = 24): Screen {
  return draw({ ...FIRST_STATE, ...state }, ENGINES, 'bricks top  daemon edge', '12:00:00', width, height);
}

function shown(state: Partial<TopState> = {}, width = 80, height = 24): string {
  return plainText(screen(state, width, height).lines);
}

function after(keys: readonly string[], state: TopState = FIRST_STATE): TopState {
  return keys.reduce((now, key) => pressed(now, key, 24) as TopState, state);
}

test('all tables on a screen of 80 by 24', () => {
  expect(shown().split('\n')).toEqual([
    'bricks top  daemon edge                                                 12:00:00',
    '1 of 2 running  1.00 k packets/s  800 kbit/s  busiest 95 %  500/s dropped',
    'ENGINE   STATE      LOAD  PACKETS/S  BITS/S  DROPS/S  PACKETS  DROPS  FAULTS',
    'balance  running    95 %     1.00 k   800 k      500    2,000  1,000       0',
    'spare    no bricks     -          -       -        -        0      0       0',
    '  Link one and start the engine: pe:link(brick):start().',
    '',
    'LINK    ENGINE   ROLE    PACKETS/S  BITS/S  DROPS/S  SHARE  RING  PACKETS  DROPS',
    'eth3    balance  source     1.00 k   800 k        0      -     -    2,000      0',
    'eth3{0  balance  sink          500   400 k        0   50 %  25 %    1,000      0',
    'eth3{1  balance  sink            0       0      500   50 %   0 %        0  1,000',
    '',
    'BRICK         ENGINE     IN/S   OUT/S  DROPS/S  NS/PACKET  HELD  PACKETS  DROPS',
    'LoadBalancer  balance  1.00 k  1.00 k        0       31.4     0    2,000      0',
    '',
    'PIPE    READER    PROCESS  PACKETS/S  DROPS/S  RING   BEHIND       OF  ENGINE',
    'eth3{0  suricata       71        500        0  25 %  1.05 MB  4.19 MB  balance',
    'eth3{1  nobody          -          0      500   0 %      0 B  4.19 MB  balance',
    '',
    'DROPS AT  ENGINE   PACKETS  REASON',
    'eth3{1    balance    1,000  had no reader',
    "  Start one, for example: bricks attach 'eth3}1'. Or remove the output.",
    '',
    'aelbrd tables  s sort  t time  / filter  h help  q quit     [all, by graph, 1 s]',
    '',
  ]);
});

test('no line is wider than the screen, and every screen has the height of the terminal', () => {
  for (let width = 1; width <= 220; width += width < 90 ? 1 : 13) {
    for (const state of [{}, { help: true }, { view: 'drops' as const }, { typing: true, filter: 'x'.repeat(90) }, { filter: 'nothing like it' }]) {
      const { lines } = screen(state, width, 10);
      expect(lines).toHaveLength(10);
      for (const line of lines) expect(line.map(({ text }) => text).join('').length).toBeLessThanOrEqual(width);
    }
  }
});

test('what is near its limit, and what is lost, is marked', () => {
  const toneOf = (text: string): string | undefined => screen({ view: 'links' }).lines.flat().find((span) => span.text.trim() === text)?.tone;
  expect(toneOf('500')).toBe('plain');
  expect(toneOf('1,000')).toBe('plain');
  const [engines, links] = tablesOf(ENGINES, 0);
  expect(engines.rows[0][2]).toMatchObject({ text: '95 %', tone: 'bad' });
  expect(links.rows[2][5]).toMatchObject({ text: '500', tone: 'bad' });
});

test('keys choose tables, order, span and filter; the filter is typed', () => {
  expect(after(['l', 's', 't'])).toMatchObject({ view: 'links', sort: 'packets', span: 1 });
  expect(after(['TAB', 'TAB'])).toMatchObject({ view: 'links' });
  expect(after(['/', 'q', 'e', 'BACKSPACE', 't'])).toMatchObject({ filter: 'qt', typing: true, view: 'all' });
  expect(after(['/', 'q', 'ENTER', 'e'])).toMatchObject({ filter: 'q', typing: false, view: 'engines' });
  expect(after(['/', 'q', 'ESCAPE'])).toMatchObject({ filter: '', typing: false });
  expect(after(['/', 'q', 'ENTER', 'ESCAPE'])).toMatchObject({ filter: '' });
  expect(after([' '])).toMatchObject({ paused: true });
  expect(after(['h'])).toMatchObject({ help: true });
  expect(after(['h', 'ESCAPE'])).toMatchObject({ help: false });
  expect(after(['F5', 'LEFT'])).toEqual(FIRST_STATE);
  expect(['q', 'CTRL_C'].map((key) => pressed(FIRST_STATE, key, 24))).toEqual(['quit', 'quit']);
  expect(pressed(after(['/']), 'CTRL_C', 24)).toBe('quit');
});

test('scrolls no further than there is something to see', () => {
  const end = screen({ scroll: after(['END']).scroll }, 80, 10);
  expect(plainText(end.lines)).toContain('eth3}1');
  expect(end.scroll).toBeGreaterThan(0);
  expect(after(['DOWN', 'DOWN', 'UP', 'PAGE_DOWN'])).toMatchObject({ scroll: 21 });
  expect(after(['UP', 'PAGE_UP'])).toMatchObject({ scroll: 0 });
  expect(after(['DOWN', 'HOME'])).toMatchObject({ scroll: 0 });
  expect(screen({ scroll: 5 }, 80, 50).scroll).toBe(0);
});

test('rows are sorted and filtered', () => {
  const names = (state: Partial<TopState>): string[] => plainText(bodyLines({ ...FIRST_STATE, view: 'links', ...state }, ENGINES, Infinity)).trimEnd().split('\n').slice(1).map((line) => line.split(' ')[0]);
  expect(names({})).toEqual(['eth3', 'eth3{0', 'eth3{1']);
  expect(names({ sort: 'drops' })).toEqual(['eth3{1', 'eth3', 'eth3{0']);
  expect(names({ sort: 'fill' })).toEqual(['eth3{0', 'eth3{1', 'eth3']);
  expect(names({ sort: 'name' })).toEqual(['eth3', 'eth3{0', 'eth3{1']);
  expect(names({ filter: 'SINK' })).toEqual(['eth3{0', 'eth3{1']);
  expect(plainText(bodyLines({ ...FIRST_STATE, filter: 'zz' }, ENGINES, 80))).toBe('Nothing has "zz" in it.\n');
  expect(plainText(bodyLines(FIRST_STATE, [], 80))).toBe('The daemon has no engines.\n');
  expect(plainText(bodyLines({ ...FIRST_STATE, view: 'drops' }, [nothingCounted('spare')], 80))).toContain('Nothing was dropped.');
});

test('columns that have no room are left out, the least important first; names are cut last', () => {
  const [, links] = tablesOf(ENGINES, 0);
  const titles = (width: number): string[] => linesOf(links, width)[0].map(({ text }) => text.trim()).filter((text) => text !== '');
  expect(titles(Infinity)).toHaveLength(10);
  expect(titles(50)).toEqual(['LINK', 'PACKETS/S', 'BITS/S', 'DROPS/S', 'SHARE', 'RING']);
  expect(titles(30)).toEqual(['LI…', 'PACKETS/S', 'BITS/S', 'DROPS/S'].map((title, at) => (at === 0 ? expect.stringMatching(/^LI?N?K?…?$/) : title)));
});

test('other programs get JSON, and CSV with a value in each line', () => {
  const time = new Date(0);
  expect(JSON.parse(jsonOf(ENGINES, time))).toEqual({ time: '1970-01-01T00:00:00.000Z', engines: JSON.parse(JSON.stringify(ENGINES)) });
  expect(csvHeader()).toBe('time,table,engine,name,field,value');
  const lines = csvOf([...ENGINES, { ...nothingCounted('a,"b"') }], time);
  expect(lines).toContain('1970-01-01T00:00:00.000Z,links,balance,eth3{1,dropsPerSecond,500');
  expect(lines).toContain('1970-01-01T00:00:00.000Z,readers,balance,eth3{0,reader,suricata');
  expect(lines).toContain('1970-01-01T00:00:00.000Z,drops,balance,eth3{1,noReader,1000');
  expect(lines).toContain('1970-01-01T00:00:00.000Z,engines,"a,""b""","a,""b""",state,no bricks');
});

test('how long a daemon is up', () => {
  expect([9, 720, 15_120, 273_600].map(durationText)).toEqual(['9 s', '12 min', '4 h 12 min', '3 d 4 h']);
});
