/** What users may say of an engine, and what it tells them. */
import { BricksError } from '../core/errors';
import type { OptionDeclaration, OptionValues } from '../core/options';
import { MAXIMUM_BATCH_ROWS } from '../core/packet-batch';
import type { ModuleReference } from './engine-protocol';

export const ENGINE_OPTIONS: readonly OptionDeclaration[] = [
  { name: 'cpu', type: 'integer', minimum: -1, maximum: 1023, default: -1, description: 'the CPU that its thread is pinned to; -1 for none' },
  { name: 'bufferSize', type: 'integer', minimum: 1, maximum: 1_048_576, description: 'most packets of a batch, whatever link asks for' },
  { name: 'ringSize', type: 'integer', minimum: 4096, maximum: 1 << 30, unit: 'bytes', description: 'memory of each pipe in shared memory, rounded up to a power of two; 4 MiB unless there are very many' },
  { name: 'whenFull', type: 'string', oneOf: ['auto', 'drop', 'wait'], default: 'auto', description: 'what to do when an output is full: drop (and count), wait for its reader, or auto: wait only where all sources are capture files' },
  { name: 'warmUpMilliseconds', type: 'integer', minimum: 0, maximum: 60_000, default: 2000, unit: 'ms', description: 'the longest that warming up may take before ports are opened' },
  { name: 'hangMilliseconds', type: 'integer', minimum: 0, maximum: 3_600_000, default: 30_000, unit: 'ms', description: 'an engine whose batch takes longer is ended; 0 for never' },
];

export interface PacketEngineOptions {
  /** The backend's name, or the module of one from outside. */
  readonly backend?: string | ModuleReference;
  readonly backendOptions?: OptionValues;
  readonly cpu?: number;
  readonly bufferSize?: number;
  readonly ringSize?: number;
  readonly whenFull?: 'auto' | 'drop' | 'wait';
  readonly warmUpMilliseconds?: number;
  readonly hangMilliseconds?: number;
}

export interface LinkOptions {
  /** Packets in a batch, at most. */
  readonly batch?: number;
  /** One hardware queue; -1 for all. */
  readonly queue?: number;
}

export interface PacketEngineEvents {
  /** Something that a user should know and that is no error. */
  notice: [text: string];
  /** All sources have ended; everything they gave was sent or counted. */
  ended: [];
  /** The engine's thread failed; its links are closed. */
  error: [error: BricksError];
}

/** @throws BricksError E_OPTION */
export function checkedBatch(batch: number): number {
  const rows = Number(batch);
  if (!Number.isInteger(rows) || rows < 1 || rows > MAXIMUM_BATCH_ROWS) {
    throw new BricksError('E_OPTION', `A batch has from 1 to ${MAXIMUM_BATCH_ROWS} packets, not ${batch}.`);
  }
  return rows;
}

/** @throws BricksError E_OPTION */
export function checkedQueue(queue: number | undefined): void {
  if (queue !== undefined && (!Number.isInteger(queue) || queue < -1)) {
    throw new BricksError('E_OPTION', `A queue is a whole number from 0 on, or -1 for all, not ${queue}.`);
  }
}
