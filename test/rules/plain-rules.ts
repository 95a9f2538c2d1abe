/** Rules applied one by one, as they are written: what the tables are compared with. It shares nothing with them but the form of a rule. */
import type { Entity, Rule, Subnet, HardwareAddress } from '../../src/rules/rule';

/** A packet as rules see it. */
export interface PacketFacts {
  readonly version: 0 | 4 | 6;
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly protocol?: number;
  readonly ports?: readonly [number, number];
  readonly macs?: { readonly source: HardwareAddress; readonly destination: HardwareAddress };
}

class PlainRule {
  packets = 0;
  bytes = 0;
  flags = 0;
  /** Seconds of its first hit, and of its last; no more than 65,535 lie between. */
  first = 0;
  last = 0;

  constructor(readonly rule: Rule, readonly name: number, readonly deadline: number | undefined) {}

  hit(bytes: number, flags: number, second: number): void {
    this.first = this.packets === 0 ? second : Math.max(second - 65_535, Math.min(second, this.first));
    this.last = second;
    this.packets++;
    this.bytes += bytes;
    this.flags |= flags;
  }
}

export class PlainRules {
  readonly rules: PlainRule[] = [];

  add(name: number, rule: Rule, now: number): void {
    this.rules.push(new PlainRule(rule, name, rule.expire === undefined ? undefined : Math.max(1, now + Math.ceil(rule.expire * 10))));
  }

  remove(name: number): void {
    const at = this.rules.findIndex((rule) => rule.name === name);
    if (at >= 0) this.rules.splice(at, 1);
  }

  /** The rule for a packet: the one of the largest priority, one that passes before others, the oldest. */
  match(packet: PacketFacts, now: number): PlainRule | undefined {
    let best: PlainRule | undefined;
    for (const candidate of this.rules) {
      if (candidate.deadline !== undefined && candidate.deadline <= now) continue;
      if (!matches(candidate.rule.entity, packet)) continue;
      if (best === undefined || candidate.rule.priority > best.rule.priority) best = candidate;
      else if (candidate.rule.priority === best.rule.priority && candidate.rule.type === 'whitelist' && best.rule.type !== 'whitelist') best = candidate;
    }
    return best;
  }
}

function matches(entity: Entity, packet: PacketFacts): boolean {
  switch (entity.kind) {
    case 'address':
      return within(entity.subnet, packet.version, packet.source) || within(entity.subnet, packet.version, packet.destination);
    case 'mac':
      return packet.macs !== undefined && (same(entity.mac, packet.macs.source) || same(entity.mac, packet.macs.destination));
    case 'connection': {
      const { source, destination, sourcePort, destinationPort, protocol } = entity;
      const there = { kind: 'flow', source, destination, sourcePort, destinationPort, ...(protocol === undefined ? {} : { protocol }) } as const;
      const back = { ...there, source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort };
      return matches(there, packet) || matches(back, packet);
    }
    case 'flow': {
      if (entity.protocol !== undefined && entity.protocol !== packet.protocol) return false;
      const portless = entity.protocol !== undefined && entity.protocol !== 6 && entity.protocol !== 17;
      if (entity.source && !within(entity.source, packet.version, packet.source)) return false;
      if (entity.destination && !within(entity.destination, packet.version, packet.destination)) return false;
      if (!portless && entity.sourcePort !== undefined && entity.sourcePort !== packet.ports?.[0]) return false;
      if (!portless && entity.destinationPort !== undefined && entity.destinationPort !== packet.ports?.[1]) return false;
      if (entity.sourceMac && !(packet.macs && same(entity.sourceMac, packet.macs.source))) return false;
      return !entity.destinationMac || (packet.macs !== undefined && same(entity.destinationMac, packet.macs.destination));
    }
  }
}

function same(a: HardwareAddress, b: HardwareAddress): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function within(subnet: Subnet, version: number, words: readonly number[]): boolean {
  if (subnet.version !== version) return false;
  const bits = (list: readonly number[]): string => list.map((word) => word.toString(2).padStart(32, '0')).join('');
  return bits(words).slice(0, subnet.length) === bits(subnet.words).slice(0, subnet.length);
}
