/** The interfaces of this machine, and what can be said of them cheaply. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { DeviceInformation } from '../../src/model/backend';
import { tryPcapAddon, type NativeDevice } from './native';
import { tryNodePcap } from '../../src/native/node-pcap';

/** libpcap lists more than network interfaces: capture points of the kernel that carry no frames of the network. */
const NO_NETWORK = /^(bluetooth|usbmon|nflog|nfqueue|dbus-)/;

/** IFF_UP. */
export const INTERFACE_UP = 1;

/** What this process can do with them, if it is `allowed` to open packet sockets. By node-pcap, else by our own binding; nothing where there is neither. */
export function listDevices(allowed: boolean): readonly DeviceInformation[] {
  const own = tryPcapAddon();
  return rawDevices().filter((device) => !NO_NETWORK.test(device.name)).map((device) => ({
    name: device.name,
    description: device.description,
    capture: allowed,
    send: allowed && own !== undefined && device.name !== 'any',
    notes: allowed ? notesOf(device) : [...notesOf(device), 'you are not allowed to capture'],
  }));
}

function rawDevices(): readonly NativeDevice[] {
  const pcap = tryNodePcap();
  if (!pcap) return tryPcapAddon()?.listDevices() ?? [];
  try {
    return pcap.findalldevs().map((device) => ({
      name: device.name,
      description: device.description ?? '',
      up: ((flagsOf(device.name) ?? INTERFACE_UP) & INTERFACE_UP) !== 0,
      loopback: device.flags === 'PCAP_IF_LOOPBACK',
      addresses: (device.addresses ?? []).flatMap((address) => address?.addr ?? []),
    }));
  } catch {
    return tryPcapAddon()?.listDevices() ?? [];
  }
}

/** Names for "did you mean"; never fails. */
export function interfaceNames(): string[] {
  try {
    const devices = tryPcapAddon()?.listDevices() ?? rawDevices();
    return devices.map((device) => device.name).filter((name) => !NO_NETWORK.test(name));
  } catch {
    return Object.keys(networkInterfaces());
  }
}

function notesOf(device: NativeDevice): string[] {
  const notes = [device.up ? 'up' : 'down'];
  if (device.loopback) notes.push('loopback');
  if (device.up && attribute(device.name, 'carrier') === '0') notes.push('no carrier');
  const mtu = attribute(device.name, 'mtu');
  if (mtu) notes.push(`MTU ${mtu}`);
  if (device.addresses.length > 0) notes.push(device.addresses.join(', '));
  return notes;
}

/** IFF_ flags of an interface on Linux. */
export function flagsOf(name: string): number | undefined {
  const text = attribute(name, 'flags');
  return text === undefined ? undefined : Number(text);
}

/** The interfaces of this process's network namespace by name (Linux), or nothing where that can't be told. */
export function linuxInterfaces(): string[] | undefined {
  try {
    return readFileSync('/proc/self/net/dev', 'utf8').split('\n').flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []);
  } catch {
    return undefined;
  }
}

/** /sys may have been mounted in another network namespace: it counts only if it shows the same interfaces. */
function systemFilesAreOurs(): boolean {
  const names = linuxInterfaces();
  if (!names || !existsSync('/sys/class/net')) return false;
  const shown = readdirSync('/sys/class/net').filter((name) => name !== 'bonding_masters');
  return shown.length === names.length && shown.every((name) => names.includes(name));
}

function attribute(name: string, file: string): string | undefined {
  if (name.includes('/') || name.startsWith('.') || !systemFilesAreOurs()) return undefined;
  try {
    return readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
