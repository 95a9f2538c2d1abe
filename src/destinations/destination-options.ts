/** What bricks that send to other machines have in common: options, counters, gauges. */
import { hardwareAddressOption, ipAddressOption, optionError } from '../model/address-options';
import type { OptionDeclarations } from '../model/options';
import type { NextHop } from './next-hop';

/** Options of a brick that sends to other machines: where its frames come from and go to. */
export const NEXT_HOP_OPTIONS = {
  sourceMac: { type: 'string', description: 'MAC address that frames come from; by default that of the interface on the way to the destination' },
  nextHopMac: { type: 'string', description: 'MAC address that frames go to; by default the next hop\'s, by the routes and neighbours of this machine' },
} as const satisfies OptionDeclarations;

/** Their values. */
export interface NextHopOptions {
  /** MAC address that frames come from. */
  readonly sourceMac: string | undefined;
  /** MAC address that frames go to. */
  readonly nextHopMac: string | undefined;
}

/** Options of a brick that finds out which of its destinations are up. */
export const HEALTH_OPTIONS = {
  health: { type: 'string', oneOf: ['none', 'tcp', 'udp', 'icmp'], default: 'none', description: 'how to find out whether a destination is up: it accepts a TCP connection, answers a UDP datagram, or answers a ping' },
  healthPort: { type: 'integer', minimum: 1, maximum: 65_535, description: 'the port of that' },
  interval: { type: 'integer', default: 1000, minimum: 50, maximum: 3_600_000, unit: 'ms', description: 'time between two checks of a destination' },
  timeout: { type: 'integer', default: 1000, minimum: 10, maximum: 20_000, unit: 'ms', description: 'how long an answer may take' },
  failures: { type: 'integer', default: 3, minimum: 1, maximum: 1000, description: 'how many checks in a row must fail before a destination counts as down; one that succeeds brings it back up' },
} as const satisfies OptionDeclarations;

/** Their values. */
export interface HealthOptions {
  /** How to find out whether a destination is up. Default: none. */
  readonly health: 'none' | 'tcp' | 'udp' | 'icmp';
  /** The port of that. Range: 1 to 65535. */
  readonly healthPort: number | undefined;
  /** Time between two checks of a destination, in ms. Range: 50 to 3600000. Default: 1000. */
  readonly interval: number;
  /** How long an answer may take, in ms. Range: 10 to 20000. Default: 1000. */
  readonly timeout: number;
  /** Checks in a row that must fail before a destination counts as down. Range: 1 to 1000. Default: 3. */
  readonly failures: number;
}

/** Counters of a brick that shares out flows over destinations. */
export const DESTINATION_COUNTERS = {
  moved: 'packets that went to another destination because theirs was down',
  noDestination: 'packets that were dropped because no destination was up',
  wentDown: 'how often a destination went down',
  cameUp: 'how often a destination came up',
} as const;

/** And its gauges. */
export const DESTINATION_GAUGES = { destinationsUp: 'destinations that are up' } as const;

/** The words of each of a list of IP addresses in an option. @throws BricksError E_OPTION, also where one is given twice */
export function destinationAddresses(brick: string, option: string, texts: readonly string[]): readonly (readonly number[])[] {
  const addresses = texts.map((text) => ipAddressOption(brick, option, text));
  const twice = addresses.map(String).findIndex((text, index, all) => all.indexOf(text) !== index);
  if (twice >= 0) throw optionError(brick, `the destination ${texts[twice]} is given twice`);
  return addresses;
}

/** The addresses of frames that the user has given. @throws BricksError E_OPTION */
export function givenNextHop(brick: string, { sourceMac, nextHopMac }: NextHopOptions): Partial<NextHop> {
  const source = hardwareAddressOption(brick, 'sourceMac', sourceMac);
  const nextHop = hardwareAddressOption(brick, 'nextHopMac', nextHopMac);
  return { ...(source ? { sourceMac: source } : {}), ...(nextHop ? { nextHopMac: nextHop } : {}) };
}

/** For `check` of a brick: what is wrong with its health options beyond their declarations. @throws BricksError E_OPTION */
export function checkHealthOptions(brick: string, { health, healthPort }: HealthOptions): void {
  if ((health === 'tcp' || health === 'udp') && healthPort === undefined) throw optionError(brick, `health = "${health}" needs the option "healthPort"`);
}

/** For `needs` of a brick: whether its control half has to run, for health or to find out addresses of frames. */
export function needsWatch({ health, sourceMac, nextHopMac }: Pick<HealthOptions, 'health'> & NextHopOptions): boolean {
  return health !== 'none' || sourceMac === undefined || nextHopMac === undefined;
}
