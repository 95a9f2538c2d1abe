/** Opens links for an engine, in its thread. One descriptor a link, also where the engine reads and writes it. */
import type { OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../../src/model/backend';
import { countText } from '../../src/model/count-text';
import { BricksError } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import type { PacketBatch } from '../../src/model/packet-batch';
import { portError } from './errors';
import { InterfaceCare, raiseDefaultPipes } from './interfaces';
import { failureOf, netmapAddon, type NativePort, type NetmapAddon } from './native';
import type { NetmapSettings } from './options';
import { MODE_ONE_HOST, MODE_ONE_NIC, parsePortName, type PortName } from './port-name';
import { NetmapSource, type PreparedLinks } from './source';
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
  /** The last one is that of the engine's graph; while it takes the place of another, both are here. */
  private transmitters: NetmapTransmitter[] = [];
  /** Those that brought the extra buffers for all sinks in their memory region, by region. */
  private readonly reserves = new Map<number, OpenPort>();
  private pipes = 0;

  constructor(private readonly options: NetmapSettings) {
    this.care = new InterfaceCare(this.addon, options);
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    this.pipes = requests.filter(({ link }) => link.pipe).length;
    raiseDefaultPipes(this.addon, this.pipes, context.notice);
    const opened: OpenPort[] = [];
    try {
      for (const { link } of requests) opened.push(this.openSinkPort(link, context));
      this.awaitLinks(context);
      const used = [...opened, ...this.reservesOf(opened)];
      const transmitter = new NetmapTransmitter(this.addon, this.options, requests, opened, context, this.transmitters.at(-1), (closed) => {
        this.transmitters = this.transmitters.filter((one) => one !== closed);
        for (const port of used) this.leave(port);
        this.left();
      });
      this.transmitters.push(transmitter);
      for (const port of used.slice(opened.length)) port.users++;
      return transmitter;
    } catch (error) {
      for (const port of opened) this.leave(port);
      this.left();
      throw this.explained(error, requests[opened.length]?.link ?? requests[0].link, undefined);
    }
  }

  /** The first port of each memory region brings the extra buffers for all sinks in that region. */
  private openSinkPort(link: LinkName, context: OpenContext): OpenPort {
    const { extraBuffers } = this.options;
    const atOnce = this.reserves.size === 0;
    const port = this.open(link, -1, false, atOnce ? extraBuffers : 0, context);
    if (extraBuffers === 0 || this.reserves.has(port.native.information().memoryId)) return port;
    // Opened for a source before: it stays as it is, and the next port of the region brings them.
    if (port.users > 1) return port;
    if (atOnce) return this.withReserve(port, link, context);
    this.leave(port);
    return this.withReserve(this.open(link, -1, false, extraBuffers, context), link, context);
  }

  private withReserve(port: OpenPort, link: LinkName, context: OpenContext): OpenPort {
    const { memoryId, extraBuffers: got } = port.native.information();
    const { extraBuffers } = this.options;
    if (got < extraBuffers) context.notice(`netmap had only ${got} of ${extraBuffers} extra buffers left for ${link.text}.`);
    this.reserves.set(memoryId, port);
    return port;
  }

  /** Ports that no sink of a graph has any more, and that hold the extra buffers of those it has. */
  private reservesOf(sinks: readonly OpenPort[]): OpenPort[] {
    const regions = new Set(sinks.map(({ native }) => native.information().memoryId));
    return [...this.reserves].flatMap(([region, port]) => (regions.has(region) && !sinks.includes(port) ? [port] : []));
  }

  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const port = this.open(request.link, request.queue, true, 0, context);
    try {
      this.checkRings(port, request.link);
      this.awaitLinks(context);
      const transmitterOf = (batch: PacketBatch): NetmapTransmitter | undefined => this.transmitters.find((transmitter) => transmitter.sends(batch));
      return new NetmapSource(this.addon, this.options, request, port.native, transmitterOf, context, () => {
        this.leave(port);
        this.left();
      });
    } catch (error) {
      this.leave(port);
      this.left();
      throw this.explained(error, request.link, port.name);
    }
  }

  private awaitLinks({ prepared, notice }: OpenContext): void {
    if ((prepared as PreparedLinks | undefined)?.replaces) this.care.dontWaitForLinks();
    else this.care.waitForLinks(notice);
  }

  private checkRings(port: OpenPort, link: LinkName): void {
    const { receiveRings, portReceiveRings } = port.native.information();
    const { mode, ring } = port.name;
    if (receiveRings === 0 || (mode === MODE_ONE_NIC && ring >= portReceiveRings)) {
      throw new BricksError('E_NETMAP_RING', `${link.text} has ${countText(portReceiveRings, 'receive ring')}${mode === MODE_ONE_NIC ? `, so there is no ring ${ring}` : ' for this engine'}.`, 'Rings are numbered from 0; ethtool -L IFACE combined N sets how many there are.');
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
    for (const ports of [this.ports, this.reserves]) {
      for (const [key, known] of ports as Map<unknown, OpenPort>) {
        if (known === port) (ports as Map<unknown, OpenPort>).delete(key);
      }
    }
    port.native.close();
  }

  /** After ports were left. */
  private left(): void {
    this.care.keepOnly(new Set([...this.ports.values()].map(({ name }) => name.device)));
  }
}
