import type { SourcePort } from '../model/backend';
import type { PacketBatch } from '../model/packet-batch';

/** A source with the batch it fills and the brick it feeds. */
export interface EngineSource {
  readonly port: SourcePort;
  readonly batch: PacketBatch;
  readonly entry: number;
  ended: boolean;
}

/** Made in one place, so that V8 takes all of them for the same. */
export function engineSource(port: SourcePort, batch: PacketBatch, entry: number): EngineSource {
  return { port, batch, entry, ended: false };
}
