/** The brick of each form, with its test. */
import type { Form, Settings } from './settings';

interface BrickText {
  /** The properties of the definition behind its summary. */
  readonly definition: (brick: string) => string;
  readonly imports: string;
  /** What stands before the definition. */
  readonly before: string;
  readonly option: string;
  /** The body of the test, and what it imports. */
  readonly test: (brick: string) => string;
  readonly testImports: string;
  readonly outputs: string;
  readonly table: string;
}

const CHOOSE: BrickText = {
  imports: 'defineBrick',
  before: '',
  option: 'limit',
  definition: () => `  options: { limit: { type: 'integer', default: 512, minimum: 1, unit: 'bytes', description: 'packets of at least this length go to output 0' } },
  shorthand: 'limit',
  outputs: 2,
  counters: { long: 'packets of at least this length' },
  choose: ({ wireLength }, { limit }, context) => {
    const long = context.counter('long');
    // Called for each packet: it allocates nothing.
    return (row) => {
      if (wireLength[row] < limit) return 1;
      long.add(1);
      return 0;
    };
  },`,
  outputs: "'long.pcap', 'short.pcap'",
  table: '| `limit` | packets of at least this length (in bytes) go to output 0 | 512 |',
  testImports: 'ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, fuzzBrick, ipv4, runBrick, udp',
  test: (brick) => `test('long packets go to output 0', async () => {
  const packet = (length: number) => ethernet({}, ipv4({}, udp({}, Buffer.alloc(length))));
  const run = await runBrick(new ${brick}({ limit: 200 }), [packet(300), packet(10), packet(400)]);
  assert.deepEqual(run.outputs.map((packets) => packets.length), [2, 1]);
  assert.deepEqual(run.counters, { long: 2 });
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
});`,
};

const PACKET: BrickText = {
  imports: 'defineBrick',
  before: '',
  option: 'port',
  definition: () => `  options: { port: { type: 'integer', default: 443, minimum: 1, maximum: 65535, description: 'packets to or from this port go to output 0' } },
  shorthand: 'port',
  outputs: 2,
  counters: { matching: 'packets to or from this port' },
  onPacket: ({ port }, context) => {
    const matching = context.counter('matching');
    return (packet) => {
      if (packet.sourcePort !== port && packet.destinationPort !== port) return 1;
      matching.add(1);
      return 0;
    };
  },`,
  outputs: "'matching.pcap', 'others.pcap'",
  table: '| `port` | packets to or from this TCP or UDP port go to output 0 | 443 |',
  testImports: 'expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder, fuzzBrick, interleaved, runBrick, tcpConversation',
  test: (brick) => `test('packets of the port go to output 0, in both directions', async () => {
  const [web, mail] = [443, 25].map((port) => tcpConversation({ server: { address: '192.0.2.9', port } }));
  const run = await runBrick(new ${brick}({ port: 443 }), interleaved(web, mail));
  assert.deepEqual(run.outputs.map((packets) => packets.length), [web.length, mail.length]);
  assert.deepEqual(run.counters, { matching: web.length });
  for (const check of [expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder]) check(run);
});`,
};

const EDIT: BrickText = {
  imports: 'defineBrick',
  before: '',
  option: 'keep',
  definition: () => `  options: { keep: { type: 'integer', default: 0, minimum: 0, unit: 'bytes', description: 'how much of each payload stays as it is' } },
  shorthand: 'keep',
  outputs: 1,
  edits: true,
  counters: { overwritten: 'packets whose payload was overwritten' },
  onPacket: ({ keep }, context) => {
    const overwritten = context.counter('overwritten');
    const { memory, offset, length } = context.packets;
    return (packet) => {
      // A field that the packet does not have is -1.
      const payload = packet.payloadOffset;
      if (payload < 0) return 0;
      const begin = Math.min(length[packet.row], payload + keep);
      memory.bytes.fill(0, offset[packet.row] + begin, offset[packet.row] + length[packet.row]);
      overwritten.add(1);
      return 0;
    };
  },`,
  outputs: "'out.pcap'",
  table: '| `keep` | how much of each payload (in bytes) stays as it is | 0 |',
  testImports: 'ethernet, expectToConserve, expectToKeepOrder, fuzzBrick, ipv4, runBrick, udp, viewOf',
  test: (brick) => `test('payloads are overwritten, headers are not', async () => {
  const run = await runBrick(new ${brick}({ keep: 2 }), [ethernet({}, ipv4({}, udp({}, 'secret')))]);
  const [packet] = run.outputs[0];
  assert.equal(packet.bytes.subarray(-6).toString('latin1'), 'se\\0\\0\\0\\0');
  assert.equal(viewOf(packet).destinationPort, 53);
  for (const check of [expectToConserve, expectToKeepOrder]) check(run);
});`,
};

export const BRICKS: Readonly<Record<Form, BrickText>> = { choose: CHOOSE, packet: PACKET, edit: EDIT };

export function sourceText({ brick, form, description }: Settings): string {
  const { imports, definition, option } = BRICKS[form];
  return `import { ${imports} } from 'packet-bricks';

/** ${description} */
export const ${brick} = defineBrick({
  name: '${brick}',
  summary: ${JSON.stringify(description)},
${definition(brick)}
  examples: {
    lua: 'b = Brick.new("${brick}", {${option} = 200})\\nb:connect_input("eth3")\\nb:connect_output("eth3{0")',
    typescript: "new ${brick}({ ${option}: 200 }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
`;
}

export function testText({ brick, form }: Settings): string {
  const { testImports, test } = BRICKS[form];
  return `import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { ${testImports} } from 'packet-bricks/testing';
import { ${brick} } from '../src/index.js';

${test(brick)}

test('no frame makes it fail', () => {
  fuzzBrick(() => new ${brick}());
});
`;
}

export function benchText({ brick }: Settings): string {
  return `import { benchBrick } from 'packet-bricks/testing';
import { ${brick} } from '../src/index.js';

await benchBrick(new ${brick}());
`;
}
