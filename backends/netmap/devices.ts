/** Interfaces, as `bricks devices` shows them. */
import { networkInterfaces } from 'node:os';
import { readdirSync } from 'node:fs';
import type { DeviceInformation } from '../../src/model/backend';
import type { NetmapAddon } from './native';

function interfaceNames(): string[] {
  try {
    return readdirSync('/sys/class/net');
  } catch {
    return Object.keys(networkInterfaces());
  }
}

export function listInterfaces(addon: NetmapAddon): DeviceInformation[] {
  return interfaceNames().sort().flatMap((name) => {
    const state = addon.lookAtInterface(name);
    if (!state.exists) return [];
    const notes: string[] = [];
    if (!state.up) notes.push('down');
    else if (!state.linkUp) notes.push('no link');
    if (state.offloads.length > 0) notes.push(`offloads that interfere with netmap are on: ${state.offloads.join(', ')}`);
    return [{ name, description: state.physical ? 'network card' : 'virtual interface', capture: true, send: true, notes }];
  });
}
