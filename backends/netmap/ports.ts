/** Opens links for an engine, in its thread. One descriptor a link, also where the engine reads and writes it. */
import type { OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../../src/model/backend';
import { BricksError } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import { portError } from './errors';
import { InterfaceCare, raiseDefaultPipes } from './interfaces';
import { failureOf, netmapAddon, type NativePort, type NetmapAddon } from './native';
import type { NetmapSettings } from './options';
import { MODE_ONE_HOST, MODE_ONE_NIC, parsePortName, type PortName } from './port-name';
import { NetmapSource } from './source';
import { NetmapTransmitter } from './transmitter';

/** The region that interfaces and their pipes share. */
const INTERFACES_MEMORY_ID = 1;

interface OpenPort {
  readonly native: NativePort;
  readonly name: PortName;
  /** Sources and sinks that use it. */
  users: number;
}

export class NetmapPorts implements PortOpener {
  private readonly addon: NetmapAddon = netmapAddon();
  private readonly care: InterfaceCare;
  private readonly ports = new Map<string, OpenPort>();
  private transmitter: NetmapTransmitter | undefined;
  private pipes = 0;

  constructor(private readonly options: NetmapSettings) {
    this.care = new InterfaceCare(this.addon, options);
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    this.pipes = requests.filter(({ link }) => link.pipe).length;
    raiseDefaultPipes(this.addon, this.pipes, context.notice);
    const opened: OpenPort[] = [];
    try {
      const regions = new Set<number>();
      for (const { link } of requests) opened.push(this.openSinkPort(link, regions, context));
      this.care.waitForLinks(context.notice);
      this.transmitter = new NetmapTransmitter(this.addon, this.options, requests, opened, context, () => {
        for (const port of opened) this.leave(port);
      });
      return this.transmitter;
    } catch (error) {
      for (const port of opened) this.leave(port);
      throw this.explained(error, requests[opened.length]?.link ?? requests[0].link, undefined);
    }
  }

  /** The first port of each memory region brings the extra buffers for all sinks in that region. */
  private openSinkPort(link: LinkName, regions: Set<number>, context: OpenContext): OpenPort {
    const { extraBuffers } = this.options;
    let port = this.open(link, -1, false, regions.size === 0 ? extraBuffers : 0, context);
    const region = port.native.information().memoryId;
    if (extraBuffers > 0 && !regions.has(region)) {
      if (regions.size > 0) {
        this.leave(port);
        port = this.open(link, -1, false, extraBuffers, context);
      }
      const got = port.native.information().extraBuffers;
      if (got < extraBuffers) context.notice(`netmap had only ${got} of ${extraBuffers} extra buffers left for ${link.text}.`);
    }
    regions.add(port.native.information().memoryId);
    return port;
  }

  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const port = this.open(request.link, request.queue, true, 0, context);
    try {
      this.checkRings(port, request.link);
      this.care.waitForLinks(context.notice);
      return new NetmapSource(this.addon, this.options, request, port.native, this.transmitter, context, () => this.leave(port));
    } catch (error) {
      this.leave(port);
      throw this.explained(error, request.link, port.name);
    }
  }

  private checkRings(port: OpenPort, link: LinkName): void {
    const { receiveRings, portReceiveRings } = port.native.information();
    const { mode, ring } = port.name;
    if (receiveRings === 0 || (mode === MODE_ONE_NIC && ring >= portReceiveRings)) {
      throw new BricksError('E_NETMAP_RING', `${link.text} has ${portReceiveRings} receive ring${portReceiveRings === 1 ? '' : 's'}${mode === MODE_ONE_NIC ? `, so there is no ring ${ring}` : ' for this engine'}.`, 'Rings are numbered from 0; ethtool -L IFACE combined N sets how many there are.');
    }
  }

  private open(link: LinkName, queue: number, receives: boolean, extraBuffers: number, context: OpenContext): OpenPort {
    const name = parsePortName(link, queue, (device) => this.addon.lookAtInterface(device).exists);
    const key = `${name.name} ${name.mode} ${name.ring} ${name.flags}`;
    const known = this.ports.get(key);
    if (known) {
      known.users++;
      if (receives && name.kind === 'interface') this.care.prepare(name.device, true, context.notice);
      return known;
    }
    if (name.kind === 'interface') this.care.prepare(name.device, receives, context.notice);
    const port: OpenPort = { native: this.register(link, name, extraBuffers), name, users: 1 };
    if (name.kind === 'interface') this.care.bound(name.device);
    this.ports.set(key, port);
    return port;
  }

  private register(link: LinkName, name: PortName, extraBuffers: number): NativePort {
    const made = name.kind !== 'interface';
    try {
      return new this.addon.NetmapPort({
        name: name.name,
        mode: name.mode,
        ring: name.ring,
        flags: name.flags,
        memoryId: name.memoryId || this.options.memoryId,
        slots: made ? this.options.slots : 0,
        rings: name.kind === 'switch' ? this.options.rings : 0,
        extraBuffers,
      });
    } catch (error) {
      throw this.explained(error, link, name);
    }
  }

  private explained(error: unknown, link: LinkName, name: PortName | undefined): unknown {
    const failure = failureOf(error);
    if (!failure) return error;
    const parsed = name ?? parsePortName(link);
    return portError(failure, {
      link: link.text,
      pipe: parsed.kind === 'pipe',
      pipes: this.pipes,
      extraBuffers: this.options.extraBuffers,
      ownMemory: parsed.memoryId === 0 && this.options.memoryId === 0 && this.hasOwnMemory(parsed.device),
      oneRing: parsed.mode === MODE_ONE_NIC || parsed.mode === MODE_ONE_HOST,
      errorText: this.addon.errorText(failure.number),
      device: this.addon.probe(),
    });
  }

  /** The parent that netmap makes for pipes without an interface is shown as an interface too, once there is a pipe. */
  private hasOwnMemory(device: string): boolean {
    const { exists, physical } = this.addon.lookAtInterface(device);
    const open = [...this.ports.values()].find(({ name }) => name.device === device);
    return !exists || (!physical && open !== undefined && open.native.information().memoryId !== INTERFACES_MEMORY_ID);
  }

  private leave(port: OpenPort): void {
    if (--port.users > 0) return;
    for (const [key, known] of this.ports) {
      if (known === port) this.ports.delete(key);
    }
    port.native.close();
    if (this.ports.size === 0) this.care.close();
  }
}
