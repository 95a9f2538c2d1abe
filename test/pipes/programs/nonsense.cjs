// Calls everything of a native part with nonsense, and prints how often it got an exception: argv[2] is the part, argv[3] the seed.
const { createPacketBatch, createPacketColumns } = require('../../../dist/src/model/packet-batch');
const { loadAddon } = require('../../../dist/src/native/load-addon');

const addon = loadAddon(process.argv[2]);
let state = Number(process.argv[3]);
const random = (limit) => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) % limit;

const VALUES = [undefined, null, true, '', 'x', 'a/b', 'nul\0', -1, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 10n, Symbol('s'), {}, [],
  () => undefined, new Uint8Array(0), new Uint8Array(3), new Uint8Array(new ArrayBuffer(9000), 1, 8192), new Uint16Array(8), new Uint32Array(8), new Int32Array(1),
  new ArrayBuffer(8), new SharedArrayBuffer(64), new Uint8Array(new SharedArrayBuffer(64)), new DataView(new ArrayBuffer(8)), new Array(2000),
  new Proxy({}, { get() { throw new Error('no such property'); } })];
const nonsense = () => VALUES[random(VALUES.length)];

function memory() {
  const bytes = new Uint8Array(8192);
  require('../../../dist/src/native/load-addon').loadAddon('bricks_core').ringInitialise(bytes);
  return bytes;
}
const lists = () => ({ outputs: 2, shift: 4, rows: new Uint16Array(32), counts: new Uint32Array(2) });
const counters = () => new ArrayBuffer(800);

/** Sound arguments, of which one part, however deep, is then made nonsense. */
const SOUND = {
  RingTransmitter: () => [{ batches: [createPacketBatch(16)], sinks: [{ ring: memory(), lists: lists(), output: 1, counters: counters(), record: 0 }], copies: false }],
  RingSource: () => [{ ring: memory(), batch: createPacketBatch(16), flowColumns: false, counters: counters(), record: 0, process: 1 }],
  HeaderCopier: () => [createPacketColumns(16), new Uint8Array(4096)],
  copy: () => [16],
  PcapEncoder: () => [createPacketBatch(16)],
  CompiledFilter: () => [1, 65535, { expression: 'tcp', drop: '', accept: 'udp' }],
  InterfaceTransmitter: () => [],
  PcapSource: () => [{ device: 'lo', snapLength: 96, promiscuous: false }],
  bindMemory: () => [0, new Uint8Array(4096)],
  setMemory: () => [0, new Uint8Array(4096)],
  transmit: () => [0, 1, false],
  receive: () => [16],
  encode: () => [0, 4, new Uint8Array(4096), 0, 1],
  addBatch: () => [createPacketBatch(16)],
  addSink: () => [{ device: 'lo' }, lists(), 0, counters(), 0],
  bind: () => [createPacketBatch(16), new Uint8Array(1 << 20), counters(), 0, true],
  select: () => [0, new Uint16Array(4), 4, new Uint16Array(4), 0],
};

/** `value`, or a copy of it with something in it replaced. */
function spoil(value) {
  const plain = Array.isArray(value) || (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype);
  const keys = plain ? Object.keys(value) : [];
  if (keys.length === 0 || random(4) === 0) return nonsense();
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const key = keys[random(keys.length)];
  copy[key] = spoil(copy[key]);
  return copy;
}

function anyArguments(name) {
  const sound = SOUND[name]?.();
  if (!sound) return Array.from({ length: random(7) }, nonsense);
  const kind = random(3);
  if (kind === 0) return sound;
  if (kind === 1) return sound.map((each) => (random(3) === 0 ? spoil(each) : each));
  return Array.from({ length: random(8) }, nonsense);
}

// Wait for ever, leave something behind in the system, or act on whatever descriptor has that number.
const LEFT_OUT = new Set(['tapOpen', 'setThreadName', 'setAffinity', 'writeEach', 'eventSignal', 'eventDrain', 'eventClose', 'waitReadable', 'waitWritable', 'pipeOpen']);
const refusesNonsense = new Set(['tapOpen', 'pipeOpen', 'eventClose', 'setAffinity']);

let calls = 0;
let exceptions = 0;
function attempt(call) {
  calls++;
  try {
    return call();
  } catch {
    exceptions++;
    return undefined;
  }
}

for (const name of refusesNonsense) {
  if (!addon[name]) continue;
  for (const value of VALUES.filter((each) => typeof each !== 'string')) {
    calls++;
    if (typeof value === 'number' && name === 'setAffinity') continue;
    try {
      addon[name](value, value, value, value, value, value);
      console.log(`${name} took ${typeof value === 'symbol' ? 'a symbol' : String(value)}`);
    } catch {
      exceptions++;
    }
  }
}
for (let round = 0; round < 500; round++) {
  const names = Object.keys(addon);
  const name = names[random(names.length)];
  if (LEFT_OUT.has(name)) continue;
  const isClass = Object.getOwnPropertyNames(addon[name].prototype ?? {}).length > 1;
  if (!isClass) {
    attempt(() => addon[name](...anyArguments(name)));
    continue;
  }
  attempt(() => addon[name](...anyArguments(name)));
  const made = attempt(() => new addon[name](...anyArguments(name)));
  const methods = Object.getOwnPropertyNames(addon[name].prototype).filter((method) => method !== 'constructor' && !LEFT_OUT.has(method));
  for (let call = 0; call < 12; call++) {
    const method = methods[random(methods.length)];
    attempt(() => addon[name].prototype[method].call(random(8) === 0 || !made ? nonsense() : made, ...anyArguments(method)));
  }
}
console.log(exceptions > 100 && exceptions < calls ? 'only exceptions' : `${exceptions} exceptions of ${calls} calls`);
process.exit(0);
