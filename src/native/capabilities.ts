/** The rights of root that this process has, one by one (Linux). */
import { readFileSync } from 'node:fs';

const NUMBERS = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n } as const;
export type Capability = keyof typeof NUMBERS;

export const HOW_TO_GET_PRIVILEGE = process.platform === 'linux'
  ? 'Run it with sudo, or once: sudo setcap cap_net_raw,cap_net_admin+eip $(readlink -f $(which node)).'
  : 'Run it as root, or give your user access to /dev/bpf.';

/** Whether this process has it; undefined where that can't be told: the system will tell. */
export function hasCapability(name: Capability): boolean | undefined {
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return effective === null ? undefined : ((BigInt(`0x${effective[1]}`) >> NUMBERS[name]) & 1n) === 1n;
  } catch {
    return undefined;
  }
}
