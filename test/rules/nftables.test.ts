/** The rule tables beside nftables, for what both can express: the kernel sees the same packets, and counts for the same rules. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { formatHardwareAddress, formatSubnet } from '../../src/rules/addresses';
import { KEY_WORDS, createSharedRules } from '../../src/rules/layout';
import { nativeRules } from '../../src/rules/native-rules';
import { readPacketKey } from '../../src/rules/packet-key';
import type { Action, Entity, HardwareAddress, Rule, Subnet } from '../../src/rules/rule';
import { RuleReader } from '../../src/rules/rule-reader';
import { RuleStore } from '../../src/rules/rule-store';
import { packetMemory } from '../../src/model/packet-batch';
import { bytesOf, ethernet, ipv4, ipv6, tcp, text, udp } from '../support/packets';
import { writeCapture } from '../support/write-capture';
import type { PacketFacts } from './plain-rules';
import { packet, rule, subnetOf } from './rule-arbitraries';

const NAMESPACE = `bricks-nft-${process.pid}`;
const RULES = 120;
const PACKETS = 900;

function run(program: string, ...words: string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const inside = (program: string, ...words: string[]): string => run('ip', 'netns', 'exec', NAMESPACE, program, ...words);

/** What is missing here, if anything. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    run('nft', '--version');
    run('tcpreplay', '--version');
    run('ip', 'netns', 'add', NAMESPACE);
    inside('nft', 'add', 'table', 'netdev', 'probe');
    return undefined;
  } catch (error) {
    return `nft, tcpreplay, ip or the kernel's tables are not there: ${String(error).split('\n')[0]}`;
  }
}

const FAMILY = { 4: 'ip', 6: 'ip6' } as const;
const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };

/** The conditions of a rule, as nft writes them: one list for each direction. */
function conditions(entity: Entity): string[] {
  const end = (side: 's' | 'd', subnet: Subnet | undefined): string[] => (subnet && subnet.length > 0 ? [`${FAMILY[subnet.version]} ${side}addr ${formatSubnet(subnet)}`] : subnet ? [`meta protocol ${FAMILY[subnet.version]}`] : []);
  const mac = (side: 's' | 'd', address: HardwareAddress | undefined): string[] => (address ? [`ether ${side}addr ${formatHardwareAddress(address)}`] : []);
  switch (entity.kind) {
    case 'address': return [end('s', entity.subnet).join(' '), end('d', entity.subnet).join(' ')];
    case 'mac': return [mac('s', entity.mac).join(' '), mac('d', entity.mac).join(' ')];
    case 'connection': {
      const { source, destination, sourcePort, destinationPort, protocol } = entity;
      const one = { kind: 'flow', ...(protocol === undefined ? {} : { protocol }) } as const;
      return [...conditions({ ...one, source, destination, sourcePort, destinationPort }), ...conditions({ ...one, source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort })];
    }
    case 'flow': {
      const { source, destination, sourcePort, destinationPort, protocol, sourceMac, destinationMac } = entity;
      const ports = sourcePort !== undefined || destinationPort !== undefined;
      const name = protocol === undefined ? (ports ? '{ tcp, udp }' : undefined) : PROTOCOLS[protocol];
      return [[
        ...mac('s', sourceMac), ...mac('d', destinationMac), ...end('s', source), ...end('d', destination), ...(name ? [`meta l4proto ${name}`] : []),
        ...(sourcePort === undefined ? [] : [`th sport ${sourcePort}`]), ...(destinationPort === undefined ? [] : [`th dport ${destinationPort}`]),
      ].join(' ')];
    }
  }
}

/** Rules that nftables has too: no expiry, TCP and UDP, one version. */
const expressible = (one: Rule): boolean => {
  const { entity } = one;
  if ('protocol' in entity && entity.protocol !== undefined && !(entity.protocol in PROTOCOLS)) return false;
  if (entity.kind !== 'flow') return true;
  return !(entity.source && entity.destination && entity.source.version !== entity.destination.version);
};

function frameOf({ version, source, destination, protocol, ports = [1, 2], macs }: PacketFacts): Buffer {
  const address = (words: readonly number[]): string => formatSubnet(subnetOf(version === 6 ? 6 : 4, [words[0], words[1], words[2], words[3]], version === 6 ? 128 : 32));
  const ends = { source: address(source), destination: address(destination), sourcePort: ports[0], destinationPort: ports[1] };
  const transport = protocol === 6 ? tcp(ends, text('content')) : udp(ends, text('content'));
  const hardware = macs ? { source: formatHardwareAddress(macs.source), destination: formatHardwareAddress(macs.destination) } : {};
  return bytesOf(ethernet(hardware, version === 6 ? ipv6(ends, transport) : ipv4(ends, transport)));
}

const lacking = missing();
const title = 'each of many random rules counts as many packets as nftables counts for it';
afterAll(() => {
  try {
    run('ip', 'netns', 'del', NAMESPACE);
  } catch {
    // It was not made.
  }
});

/** Rules of larger priority come first; of the same priority those that let pass; of these the older. Less than 0: `a` comes first. */
function comparePrecedence(a: Action, b: Action): number {
  return b.priority - a.priority || Number(b.type === 'whitelist') - Number(a.type === 'whitelist');
}

(lacking === undefined ? test : test.skip)(lacking === undefined ? title : `${title} (skipped: ${lacking})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-nft-'));
  try {
    const rules = fc.sample(rule.filter(expressible), { numRuns: RULES, seed: 11 })
      .map(({ entity, type, priority }): Rule => ({ entity, priority, type: type === 'whitelist' ? 'whitelist' : 'drop', output: 0, shunt: false }));
    const frames = fc.sample(packet.filter(({ version, protocol, ports }) => version !== 0 && (protocol === 6 || protocol === 17) && ports !== undefined), { numRuns: PACKETS, seed: 12 }).map(frameOf);

    inside('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    run('ip', '-n', NAMESPACE, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    for (const name of ['v0', 'v1']) run('ip', '-n', NAMESPACE, 'link', 'set', name, 'up');
    const ordered = rules.map((one, index) => ({ one, index })).sort((a, b) => comparePrecedence(a.one, b.one) || a.index - b.index);
    const script = [
      'table netdev bricks {', ...rules.map((_, index) => `counter r${index} { }`), 'chain incoming {', 'type filter hook ingress device "v1" priority 0; policy accept;',
      ...ordered.flatMap(({ one, index }) => conditions(one.entity).map((condition) => `${condition} counter name "r${index}" ${one.type === 'drop' ? 'drop' : 'accept'}`)), '}', '}',
    ];
    const file = join(folder, 'rules.nft');
    writeFileSync(file, `${script.join('\n')}\n`);
    inside('nft', '-f', file);
    inside('tcpreplay', '--quiet', '--topspeed', '--intf1=v0', writeCapture(join(folder, 'frames.pcap'), frames.map((bytes) => ({ bytes }))));
    const { nftables } = JSON.parse(inside('nft', '-j', 'list', 'counters')) as { nftables: { counter?: { name: string; packets: number } }[] };
    const expected = rules.map((_, index) => nftables.find(({ counter }) => counter?.name === `r${index}`)?.counter?.packets);

    const shared = createSharedRules(RULES);
    const store = new RuleStore(shared, 0, 5);
    const handles = rules.map((one) => store.add(one));
    const lists = { rows: new Uint16Array(PACKETS), keys: new Uint32Array(PACKETS * KEY_WORDS), bytes: new Uint32Array(PACKETS), hits: new Uint32Array(PACKETS), next: new Uint16Array(PACKETS), outputs: 1 };
    frames.forEach((frame, index) => {
      const memory = packetMemory(new ArrayBuffer((frame.length + 7) & ~3));
      memory.bytes.set(frame);
      readPacketKey(memory, 0, frame.length, 1, false, lists.keys, index * KEY_WORDS);
    });
    const columns = { offset: new Uint32Array(PACKETS), length: new Uint32Array(PACKETS), wireLength: new Uint32Array(PACKETS) };
    (nativeRules(shared, columns, lists, false) ?? new RuleReader(shared, lists)).match(0, PACKETS, 1, 1);
    expect(handles.map((handle) => store.counts(handle).packets)).toEqual(expected);
    expect(expected.filter((count) => count !== 0).length).toBeGreaterThan(10);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
