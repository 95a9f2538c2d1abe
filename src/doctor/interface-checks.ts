/** Looks at a network interface as backends would use it. Linux: /sys, and ethtool where it is installed. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { countText } from '../model/count-text';
import { nearest } from '../model/errors';
import { finding, numberOf, outputOf, targetOf, textOf, type Finding } from './finding';

const FOLDER = '/sys/class/net';
const FLAG_UP = 0x1;
const FLAG_LOOPBACK = 0x8;
const FLAG_PROMISCUOUS = 0x100;
/** Ethernet's header, two VLAN tags and the checksum, beside the MTU. */
const FRAME_OVERHEAD = 26;
const NETMAP_SLOT_BYTES = 2048;
/** Those that change packets before they are captured. */
const OFFLOADS: Readonly<Record<string, string>> = {
  'generic-receive-offload': 'gro', 'large-receive-offload': 'lro', 'tcp-segmentation-offload': 'tso', 'generic-segmentation-offload': 'gso',
};
const OFFLOAD_WHY = 'Offloads merge packets into frames that never existed on the wire, longer than any frame there and than the slots of netmap.';
/** libpcap, and our receive ring, put the tag back that the card has cut out; netmap never sees it. */
const TAG_OFFLOAD = 'rx-vlan-offload';

/** Names of the interfaces that there are. */
export function interfaces(): string[] {
  return existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'ifindex'))).sort() : [];
}

export function isUp(name: string): boolean {
  return (flagsOf(name) & FLAG_UP) !== 0;
}

function flagsOf(name: string): number {
  return Number(textOf(join(FOLDER, name, 'flags')) ?? 0);
}

/** @param netmap whether it is to be used by netmap, which needs more than libpcap */
export function checkInterface(name: string, netmap: boolean): Finding[] {
  const known = interfaces();
  if (!known.includes(name)) {
    const guess = nearest(name, known);
    return [finding('exists', name, 'bad', `There is no interface ${name}.`, { why: `${guess ? `Did you mean ${guess}? ` : ''}There are: ${known.join(', ')}.` })];
  }
  const flags = flagsOf(name);
  const up = isUp(name);
  return [
    finding('exists', name, 'good', `The interface ${name} exists${driverText(name)}.`),
    up
      ? finding('up', name, 'good', `${name} is up.`)
      : finding('up', name, 'bad', `${name} is down.`, { why: 'An interface that is down receives nothing.', commands: [['ip', 'link', 'set', 'dev', name, 'up']], safe: true }),
    ...(up ? carrier(name) : []),
    ...((flags & FLAG_LOOPBACK) === 0 ? [promiscuous(name, flags), ...offloads(name, netmap), ...ring(name), ...queues(name)] : []),
    ...mtu(name, netmap, (flags & FLAG_LOOPBACK) !== 0),
    ...lost(name),
    ...node(name),
  ];
}

function driverText(name: string): string {
  const driver = targetOf(join(FOLDER, name, 'device', 'driver'));
  return driver === undefined ? '' : ` (driver ${driver})`;
}

function carrier(name: string): Finding[] {
  if (textOf(join(FOLDER, name, 'carrier')) !== '1') {
    return [finding('carrier', name, 'bad', `${name} has no carrier.`, { why: 'Nothing is connected, the other side is down, or the cable or module is wrong. Check the cable, and the port of the switch or tap.' })];
  }
  const speed = numberOf(join(FOLDER, name, 'speed'));
  const duplex = textOf(join(FOLDER, name, 'duplex'));
  const found = [finding('carrier', name, 'good', `${name} has a carrier${speed !== undefined && speed > 0 ? ` (${speed} Mb/s)` : ''}.`)];
  if (duplex === 'half') found.push(finding('duplex', name, 'doubt', `${name} runs at half duplex.`, { why: 'Auto-negotiation has failed on one side. Set both sides to the same.' }));
  return found;
}

function promiscuous(name: string, flags: number): Finding {
  return (flags & FLAG_PROMISCUOUS) !== 0
    ? finding('promiscuous', name, 'good', `${name} is in promiscuous mode.`)
    : finding('promiscuous', name, 'good', `${name} is not in promiscuous mode; an engine switches it on while it captures.`);
}

function offloads(name: string, netmap: boolean): Finding[] {
  const listed = outputOf('ethtool', '-k', name);
  if (listed === undefined) return [finding('offloads', name, 'unknown', `The offloads of ${name} could not be read.`, { why: OFFLOAD_WHY, commands: [['apt-get', 'install', '-y', 'ethtool']] })];
  const isOn = (feature: string): boolean => new RegExp(`^${feature}: on(?! \\[fixed\\])`, 'm').test(listed);
  const on = Object.entries(OFFLOADS).filter(([feature]) => isOn(feature)).map(([, short]) => short);
  const found: Finding[] = [];
  if (on.length > 0) found.push(finding('offloads', name, 'bad', `${name} has offloads on: ${on.join(', ')}.`, { why: OFFLOAD_WHY, commands: [['ethtool', '-K', name, ...on.flatMap((offload) => [offload, 'off'])]], safe: true }));
  if (netmap && isOn(TAG_OFFLOAD)) found.push(finding('tags', name, 'bad', `The card of ${name} strips VLAN tags (rxvlan).`, { why: 'netmap gets the frames without their tags.', commands: [['ethtool', '-K', name, 'rxvlan', 'off']], safe: true }));
  return found.length > 0 ? found : [finding('offloads', name, 'good', `${name} has no offloads on that change packets.`)];
}

/** Sizes of the card's receive ring: now, and at most. */
function ring(name: string): Finding[] {
  const listed = outputOf('ethtool', '-g', name);
  const [most, now] = [...(listed ?? '').matchAll(/^RX:\s+(\d+)/gm)].map(([, number]) => Number(number));
  if (most === undefined || now === undefined) return [];
  if (now >= Math.min(most, 1024)) return [finding('ring', name, 'good', `The receive ring of ${name} has ${now} of at most ${most} slots.`)];
  return [finding('ring', name, 'doubt', `The receive ring of ${name} has ${now} slots; the card can have ${most}.`, {
    why: 'A longer ring absorbs short pauses of the engine.', commands: [['ethtool', '-G', name, 'rx', String(most)]],
  })];
}

function queues(name: string): Finding[] {
  const folder = join(FOLDER, name, 'queues');
  const count = existsSync(folder) ? readdirSync(folder).filter((queue) => queue.startsWith('rx-')).length : 0;
  return count === 0 ? [] : [finding('queues', name, 'good', `${name} has ${countText(count, 'receive queue')}${count > 1 ? ': up to as many engines can share it (pe:link(brick, batch, queue))' : ''}.`)];
}

function mtu(name: string, netmap: boolean, loopback: boolean): Finding[] {
  const bytes = numberOf(join(FOLDER, name, 'mtu'));
  if (bytes === undefined || loopback) return [];
  const slot = numberOf('/sys/module/netmap/parameters/buf_size') ?? NETMAP_SLOT_BYTES;
  if (bytes + FRAME_OVERHEAD <= slot) return [finding('mtu', name, 'good', `The MTU of ${name} is ${bytes}; its frames fit into the slots of netmap (${slot} bytes).`)];
  return [finding('mtu', name, netmap ? 'bad' : 'doubt', `The MTU of ${name} is ${bytes}; its frames don't fit into the slots of netmap (${slot} bytes).`, {
    why: 'netmap spreads longer frames over several slots or drops them, depending on the driver. libpcap captures them.',
    commands: [['ip', 'link', 'set', 'dev', name, 'mtu', '1500'], ['modprobe', 'netmap', `buf_size=${2 ** Math.ceil(Math.log2(bytes + FRAME_OVERHEAD))}`]],
  })];
}

function lost(name: string): Finding[] {
  const counters = ['rx_missed_errors', 'rx_fifo_errors', 'rx_over_errors', 'rx_crc_errors'].flatMap((counter) => {
    const count = numberOf(join(FOLDER, name, 'statistics', counter)) ?? 0;
    return count > 0 ? [`${counter} ${count.toLocaleString('en-US')}`] : [];
  });
  if (counters.length === 0) return [finding('lost', name, 'good', `The card of ${name} reports no lost or damaged frames.`)];
  return [finding('lost', name, 'doubt', `The card of ${name} has lost or damaged frames since it came up: ${counters.join(', ')}.`, {
    why: 'Missed frames found no room in the ring: use more queues and engines, or a longer ring. Damaged ones point to the cable, the module or the light level.',
  })];
}

function node(name: string): Finding[] {
  const card = numberOf(join(FOLDER, name, 'device', 'numa_node'));
  const nodes = existsSync('/sys/devices/system/node') ? readdirSync('/sys/devices/system/node').filter((entry) => /^node\d+$/.test(entry)).length : 1;
  if (card === undefined || card < 0 || nodes < 2) return [];
  const cpus = textOf(`/sys/devices/system/node/node${card}/cpulist`) ?? '';
  return [finding('numa', name, 'good', `The card of ${name} is on NUMA node ${card}: pin its engines to CPUs ${cpus}.`)];
}
