/** What network interfaces need beside netmap: promiscuous mode, offloads, time for the link. */
import type { InterfaceState, NativeInterfaceHold, NetmapAddon } from './native';
import type { NetmapSettings } from './options';

/** How often the link is looked at while it is waited for. */
const LOOK_MILLISECONDS = 50;
/** A card that is reset by netmap takes its link down a moment later, not at once. */
const RESET_MILLISECONDS = 200;

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

export class InterfaceCare {
  private readonly holds = new Map<string, NativeInterfaceHold>();
  /** Those that packets are received from. */
  private readonly receiving = new Set<string>();
  private readonly waitUntil = new Map<string, number>();

  constructor(private readonly addon: NetmapAddon, private readonly options: NetmapSettings) {}

  /** Before an interface is bound: changes what was agreed to be changed, and says what else is amiss. */
  prepare(device: string, receives: boolean, notice: (text: string) => void): void {
    const hold = this.holds.get(device) ?? this.hold(device, notice);
    if (!hold || !receives || !this.options.promiscuous || this.receiving.has(device)) return;
    this.receiving.add(device);
    const error = hold.promiscuous();
    if (error !== 0) notice(`${device} could not be made promiscuous (${this.addon.errorText(error)}): it delivers only packets for its own address.`);
  }

  private hold(device: string, notice: (text: string) => void): NativeInterfaceHold | undefined {
    const state = this.addon.lookAtInterface(device);
    if (!state.exists) return undefined; // netmap may make a port of that name
    const hold = new this.addon.InterfaceHold(device);
    this.holds.set(device, hold);
    if (!state.up) notice(`${device} is down and carries no packets. Bring it up with: ip link set ${device} up`);
    this.offloads(device, state, hold, notice);
    return hold;
  }

  private offloads(device: string, state: InterfaceState, hold: NativeInterfaceHold, notice: (text: string) => void): void {
    if (state.offloads.length === 0) return;
    if (this.options.offloads === 'keep') {
      notice(`${device} has offloads on that merge packets, cut out VLAN tags or omit checksums (${state.offloads.join(', ')}). Turn them off with the option offloads = "off", or: ethtool -K ${device} ${state.offloads.map((offload) => `${offload} off`).join(' ')}`);
      return;
    }
    const failed = state.offloads.filter((offload) => hold.turnOff(offload) !== 0);
    if (failed.length > 0) notice(`These offloads of ${device} could not be turned off: ${failed.join(', ')}.`);
  }

  /** After an interface was bound: from now on its link has time to come back. Only physical ones need it. */
  bound(device: string): void {
    if (this.addon.lookAtInterface(device).physical && !this.waitUntil.has(device)) {
      this.waitUntil.set(device, performance.now() + this.options.linkWaitMilliseconds);
    }
  }

  /** The engine has other links at work, which can't wait for those that were bound now. */
  dontWaitForLinks(): void {
    this.waitUntil.clear();
  }

  /** Waits for the links of all interfaces that were bound. */
  waitForLinks(notice: (text: string) => void): void {
    for (const [device, until] of this.waitUntil) {
      const earliest = until - Math.max(0, this.options.linkWaitMilliseconds - RESET_MILLISECONDS);
      for (;;) {
        const now = performance.now();
        if (now >= until) {
          if (this.options.linkWaitMilliseconds > 0 && !this.addon.lookAtInterface(device).linkUp) notice(`${device} has no link.`);
          break;
        }
        if (now >= earliest && this.addon.lookAtInterface(device).linkUp) break;
        sleep(Math.min(LOOK_MILLISECONDS, until - now));
      }
    }
    this.waitUntil.clear();
  }

  /** Undoes what was changed of interfaces other than these. */
  keepOnly(devices: ReadonlySet<string>): void {
    for (const [device, hold] of this.holds) {
      if (devices.has(device)) continue;
      hold.close();
      this.holds.delete(device);
      this.receiving.delete(device);
    }
  }
}

/** netmap of some years ago refuses more pipes than this parameter of its module; later ones ignore it. */
export function raiseDefaultPipes(addon: NetmapAddon, pipes: number, notice: (text: string) => void): void {
  if (pipes === 0) return;
  const current = addon.readModuleParameter('default_pipes');
  if (current < 0 || current >= pipes) return;
  const error = addon.writeModuleParameter('default_pipes', pipes);
  if (error !== 0) notice(`netmap's parameter default_pipes is ${current} and could not be raised to ${pipes}: ${addon.errorText(error)}.`);
}
