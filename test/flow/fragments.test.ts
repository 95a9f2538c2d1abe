import { join } from 'node:path';
import { FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE, type FlowFields } from '../../src/flow/flow-fields';
import { CONSTANT_PORTS } from '../../src/flow/hash';
import { describeWithCaptures, readCapture } from '../support/captures';
import { ethernet, extension, icmp, icmpv6, ipv4, ipv4Fragments, ipv6, ipv6Fragments, tcp, udp, vxlan, type Payload } from '../support/packets';
import { flowOf, type FlowOptions } from './support';

const PORTS = { sourcePort: 40_001, destinationPort: 443 };
const BOTH_PORTS = 40_001 * 65_536 + 443;
const content = new Uint8Array(100).fill(7);

function keyOf(flow: FlowFields): number[] {
  return [flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination, flow.fragmentIdentity];
}

function flowsOf(packets: Payload[], options: FlowOptions = {}): FlowFields[] {
  return packets.map((packet) => flowOf(ethernet({}, packet), options));
}

const datagrams: [string, (identification: number, source: 1 | 2) => Payload[]][] = [
  ['IPv4', (identification, source) => ipv4Fragments({ identification, source: `10.0.0.${source}` }, udp(PORTS, content), 32)],
  ['IPv6', (identification, source) => ipv6Fragments({ identification, source: `2001:db8::${source}` }, udp(PORTS, content), 32)],
];

describe.each(datagrams)('%s fragments', (_title, fragmentsOf) => {
  test('the first has the ports, the others the same key', () => {
    const [first, ...later] = flowsOf(fragmentsOf(99, 1));
    expect(first).toMatchObject({ kind: FLOW_WITH_PORTS, ports: BOTH_PORTS, fragment: FRAGMENT_FIRST, fragmentNeedsFirst: true });
    expect(later).toHaveLength(3);
    for (const flow of later) {
      expect(flow).toMatchObject({
        kind: FLOW_WITHOUT_PORTS, ports: CONSTANT_PORTS, addresses: first.addresses, fragment: FRAGMENT_LATER, fragmentNeedsFirst: true,
      });
      expect(keyOf(flow)).toEqual(keyOf(first));
    }
  });

  test('the key tells datagrams apart', () => {
    const one = keyOf(flowsOf(fragmentsOf(99, 1))[0]);
    for (const other of [fragmentsOf(100, 1), fragmentsOf(99, 2)]) {
      const key = keyOf(flowsOf(other)[0]);
      expect(key.slice(1)).not.toEqual(one.slice(1));
      expect(key[0]).not.toBe(one[0]);
    }
  });

  test('by addresses alone no fragment needs another', () => {
    for (const flow of flowsOf(fragmentsOf(99, 1), { tuple: 2 })) expect(flow.fragmentNeedsFirst).toBe(false);
    for (const flow of flowsOf(fragmentsOf(99, 1), { tuple: 2, inner: true })) expect(flow.fragmentNeedsFirst).toBe(true);
  });
});

test('the key of IPv4 is of one direction and has the protocol', () => {
  const there = keyOf(flowsOf(ipv4Fragments({ source: '10.0.0.1', destination: '10.0.0.2' }, udp(PORTS, content), 32))[0]);
  expect(keyOf(flowsOf(ipv4Fragments({ source: '10.0.0.2', destination: '10.0.0.1' }, udp(PORTS, content), 32))[0])).not.toEqual(there);
  expect(keyOf(flowsOf(ipv4Fragments({ source: '10.0.0.1', destination: '10.0.0.2' }, tcp(PORTS, content), 32))[0])).not.toEqual(there);
});

test('fragments of ICMP over IPv4 need no first one, over IPv6 they may', () => {
  for (const flow of flowsOf(ipv4Fragments({}, icmp({}, content), 32))) expect(flow).toMatchObject({ kind: FLOW_WITHOUT_PORTS, fragmentNeedsFirst: false });
  for (const flow of flowsOf(ipv6Fragments({}, icmpv6({}, content), 32))) expect(flow).toMatchObject({ kind: FLOW_WITHOUT_PORTS, fragmentNeedsFirst: true });
});

test('extension headers behind an IPv6 fragment header', () => {
  const [first, second] = flowsOf(ipv6Fragments({}, extension('destination', { extra: 1 }, udp(PORTS, content)), 32));
  expect(first).toMatchObject({ ports: BOTH_PORTS, fragment: FRAGMENT_FIRST });
  expect(second).toMatchObject({ ports: CONSTANT_PORTS, fragment: FRAGMENT_LATER });
});

test('a fragmented tunnel: the first fragment has the inner flow, the key is the outer one', () => {
  const inner = ethernet({}, ipv4({ source: '10.9.9.9' }, udp(PORTS, content)));
  const [first, second] = flowsOf(ipv4Fragments({ identification: 5 }, vxlan({}, inner), 96), { inner: true });
  expect(first).toMatchObject({ addresses: flowOf(inner).addresses, ports: BOTH_PORTS, fragment: FRAGMENT_FIRST, fragmentNeedsFirst: true });
  expect(second).toMatchObject({ ports: CONSTANT_PORTS, fragment: FRAGMENT_LATER });
  expect(keyOf(second)).toEqual(keyOf(first));
});

test('fragments inside a tunnel have the inner key; in a fragment of a tunnel the outer one', () => {
  const fragments = ipv4Fragments({ identification: 77, source: '10.9.9.9' }, udp(PORTS, content), 32);
  const bare = flowsOf(fragments);
  const tunnelled = flowsOf(fragments.map((fragment) => ipv6({}, vxlan({}, ethernet({}, fragment)))), { inner: true });
  expect(tunnelled).toEqual(bare);
  const outer = ipv4Fragments({ identification: 5, protocol: 4 }, fragments[0], 48)[0];
  expect(flowsOf([outer], { inner: true })[0]).toMatchObject({ kind: FLOW_WITHOUT_PORTS, ports: CONSTANT_PORTS, fragment: FRAGMENT_FIRST, fragmentIdentity: 4 * 65_536 + 5 });
});

describeWithCaptures('fragments of real captures', (folder) => {
  test('all fragments of a datagram have one key and follow a first one', () => {
    let [followed, alone] = [0, 0];
    for (const name of ['fragmented-1.pcap', 'fragmented-3.pcap', 'ipv6-fragmented-dns.pcap']) {
      const firsts = new Set<string>();
      for (const { bytes, linkType } of readCapture(join(folder, name))) {
        const flow = flowOf(bytes, { linkType });
        if (flow.fragment === FRAGMENT_FIRST) firsts.add(keyOf(flow).join());
        else if (flow.fragment === FRAGMENT_LATER && firsts.has(keyOf(flow).join())) followed++;
        else if (flow.fragment === FRAGMENT_LATER) alone++;
      }
      expect(firsts.size).toBeGreaterThan(0);
    }
    expect(followed).toBe(7);
    // The last of these captures has one fragment whose first it lacks.
    expect(alone).toBe(1);
  });

  test('atomic fragments are none', () => {
    let withPorts = 0;
    for (const { bytes, linkType } of readCapture(join(folder, 'ipv6-http-atomic-frag.pcap'))) {
      const flow = flowOf(bytes, { linkType });
      expect(flow.fragment).toBe(FRAGMENT_NONE);
      if (flow.kind === FLOW_WITH_PORTS) withPorts++;
    }
    expect(withPorts).toBeGreaterThan(10);
  });
});
