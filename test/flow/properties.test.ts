import { join } from 'node:path';
import fc from 'fast-check';
import { createPacketBatch, packetMemory, FLOW_NOT_COMPUTED } from '../../src/model/packet-batch';
import { FLOW_NONE, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS } from '../../src/flow/flow-fields';
import { flowFiller } from '../../src/flow/flow-columns';
import { flowHash, flowWord } from '../../src/flow/hash';
import { captureNames, describeWithCaptures, readCapture } from '../support/captures';
import { bytesOf, ethernet, ipv4, ipv6, tcp, text, udp, vlan, vxlan, type Layered } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { flowOf, hashOf, type FlowOptions } from './support';

const LINK_TYPES = [0, 1, 9, 12, 14, 50, 101, 105, 108, 113, 228, 229, 276];

interface Ends { version: 4 | 6; source: string; destination: string; sourcePort: number; destinationPort: number; tcp: boolean }

const byte = fc.integer({ min: 0, max: 255 });
const port = fc.integer({ min: 0, max: 65_535 });
const address4 = fc.tuple(byte, byte, byte, byte).map((parts) => parts.join('.'));
const address6 = fc.array(port, { minLength: 8, maxLength: 8 }).map((parts) => parts.map((part) => part.toString(16)).join(':'));
const rest = { sourcePort: port, destinationPort: port, tcp: fc.boolean() };
const ends: fc.Arbitrary<Ends> = fc.oneof(
  fc.record({ version: fc.constant<4>(4), source: address4, destination: address4, ...rest }),
  fc.record({ version: fc.constant<6>(6), source: address6, destination: address6, ...rest }),
);

function packetOf(flow: Ends, content = 'x'): Layered {
  const transport = flow.tcp ? tcp(flow, text(content)) : udp(flow, text(content));
  return flow.version === 4 ? ipv4(flow, transport) : ipv6(flow, transport);
}

function exchanged(flow: Ends): Ends {
  return { ...flow, source: flow.destination, destination: flow.source, sourcePort: flow.destinationPort, destinationPort: flow.sourcePort };
}

const options: fc.Arbitrary<FlowOptions> = fc.record({ tuple: fc.constantFrom<2 | 4>(2, 4), inner: fc.boolean() });

test('both directions of a flow, and all its packets, have one hash', () => {
  fc.assert(fc.property(ends, options, fc.integer({ min: 1, max: 9 }), fc.string(), (flow, how, level, content) => {
    // Ports of tunnels mean one only towards their destination, and text is none.
    const there = hashOf(ethernet({}, packetOf(flow)), how, level);
    expect(hashOf(ethernet({}, packetOf(exchanged(flow))), how, level)).toBe(there);
    expect(hashOf(ethernet({}, packetOf(flow, content)), how, level)).toBe(there);
    expect(hashOf(ethernet({}, vlan({ id: level }, packetOf(flow, content))), how, level)).toBe(there);
  }), { numRuns: 300 });
});

test('the inner flow does not depend on the tunnel', () => {
  fc.assert(fc.property(ends, ends, (outer, flow) => {
    const tunnel = vxlan({ sourcePort: outer.sourcePort }, ethernet({}, packetOf(flow)));
    const packet = outer.version === 4 ? ipv4(outer, tunnel) : ipv6(outer, tunnel);
    expect(hashOf(ethernet({}, packet), { inner: true })).toBe(hashOf(ethernet({}, packetOf(flow)), { inner: true }));
  }), { numRuns: 300 });
});

test('random flows spread evenly over the outputs', () => {
  const flows = fc.sample(ends, { numRuns: 20_000, seed: 1 }).map((flow) => flowOf(ethernet({}, packetOf(flow))));
  for (const outputs of [2, 3, 4, 7, 16, 30]) {
    for (const seed of [1, 2, 3]) {
      const counts = new Uint32Array(outputs);
      for (const flow of flows) counts[flowHash(flowWord(flow.addresses, flow.ports, seed)) % outputs]++;
      const mean = flows.length / outputs;
      const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
      // fast-check prefers small values, so a little more than chance alone would give is allowed.
      expect(chiSquare).toBeLessThan(outputs - 1 + 10 * Math.sqrt(2 * outputs));
    }
  }
});

/** Samples with some bytes changed and cut anywhere, or bytes of no meaning at all. */
const arbitraryPacket: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(fc.constantFrom(...SAMPLES), fc.array(fc.tuple(fc.nat(120), byte), { maxLength: 4 }), fc.nat(400)).map(([sample, changes, length]) => {
    const bytes = bytesOf(sample);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes.subarray(0, length);
  }),
);

test('any bytes give an answer, and those around them make no difference', () => {
  const kinds = new Set([FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, FLOW_NONE]);
  fc.assert(fc.property(arbitraryPacket, fc.constantFrom(1, 1, 1, ...LINK_TYPES), options, fc.nat(11), (bytes, linkType, how, offset) => {
    const flow = flowOf(bytes, { ...how, linkType, offset });
    expect(kinds).toContain(flow.kind);
    expect(flow.addresses).toBe(flow.addresses & 0xffff);
    expect(flow.ports).toBe(flow.ports >>> 0);
    for (const garbage of [0xff, 0x45, 0x60, 0x06]) expect(flowOf(bytes, { ...how, linkType, offset, garbage })).toEqual(flow);
    // Nor does where the packet lies.
    expect(flowOf(bytes, { ...how, linkType, offset: offset ^ 1 })).toEqual(flow);
  }), { numRuns: 5000 });
});

test('each sample cut at each length gives the same with any bytes behind it', () => {
  for (const sample of SAMPLES) {
    const bytes = bytesOf(sample);
    for (let length = 0; length <= bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const flow = flowOf(cut, { inner: true, garbage: 0 });
      for (const garbage of [0xff, 0x45, 0x08]) expect(flowOf(cut, { inner: true, garbage })).toEqual(flow);
    }
  }
});

test('flow columns hold what the parser finds, or nothing', () => {
  const batch = createPacketBatch(4);
  batch.memory = packetMemory(new ArrayBuffer(4096));
  batch.offset.set([0, 1024, 2048, 3072]);
  fc.assert(fc.property(arbitraryPacket, fc.constantFrom<2 | 4>(2, 4), (bytes, tuple) => {
    batch.memory.bytes.fill(0x45);
    batch.memory.bytes.set(bytes, 1024);
    batch.length.fill(0);
    batch.length[1] = bytes.length;
    batch.flowWord.fill(77);
    flowFiller(batch)(batch, 1, 1);
    expect([batch.flowWord[0], batch.flowWord[2]]).toEqual([77, 77]);
    if (batch.flowWord[1] === FLOW_NOT_COMPUTED) return;
    const { kind, addresses, ports, fragment } = flowOf(bytes, { tuple });
    expect([batch.flowWord[1] >>> 16, batch.flowAddresses[1], batch.flowPorts[1], 0]).toEqual([kind, addresses, ports, fragment]);
  }), { numRuns: 5000 });
});

test('flow columns of other link types are not computed', () => {
  const batch = createPacketBatch(2);
  batch.memory = packetMemory(new ArrayBuffer(256));
  batch.memory.bytes.set(bytesOf(ethernet({}, ipv4({}, tcp({}, text('x'))))));
  batch.length[0] = 55;
  flowFiller(batch)(batch, 0, 1);
  expect(batch.flowWord[0] >>> 16).toBe(FLOW_WITH_PORTS);
  batch.linkType = 101;
  flowFiller(batch)(batch, 0, 1);
  expect(batch.flowWord[0]).toBe(FLOW_NOT_COMPUTED);
});

describeWithCaptures('real captures', (folder) => {
  test.each(captureNames(folder))('%s: any cut, any bytes behind', (name) => {
    for (const { bytes, linkType } of readCapture(join(folder, name)).slice(0, 60)) {
      for (const length of [bytes.length, 0, 13, 14, 21, 33, 34, 37, 41, 47, 53, 57, 61, 75, 99]) {
        const cut = bytes.subarray(0, length);
        for (const inner of [false, true]) {
          const flow = flowOf(cut, { linkType, inner });
          expect(flowOf(cut, { linkType, inner, garbage: 0x45 })).toEqual(flow);
          expect(flowHash(flowWord(flow.addresses, flow.ports, 1))).toBeGreaterThanOrEqual(0);
        }
      }
    }
  });
});
