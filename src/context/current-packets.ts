/** The packets of an engine as its bricks see them: the columns, and the batch that is on its way. */
import type { CurrentBatch, Packets } from '../model/brick';
import { BricksError } from '../model/errors';
import { COLUMN_NAMES, packetMemory, type ColumnName, type PacketBatch, type PacketColumns, type PacketMemory } from '../model/packet-batch';

class BatchInfo implements CurrentBatch {
  number = 0;
  count = 0;
  linkType = 1;
}

/** One for an engine; its warm-up uses it too. */
export class CurrentPackets {
  readonly memory: { -readonly [Name in keyof PacketMemory]: PacketMemory[Name] } = packetMemory(new ArrayBuffer(0));
  /** The batch on its way, where one is: for copying packets out of it. */
  batch: PacketBatch | undefined;
  /** What bricks see of it, as `packets.batch`. */
  readonly batchInfo = new BatchInfo();

  constructor(readonly columns: PacketColumns) {}

  /** Makes a batch the one that is on its way, with its rows 0 to `count` - 1. */
  enter(batch: PacketBatch, count: number): void {
    const { memory, batchInfo } = this;
    const from = batch.memory;
    memory.bytes = from.bytes;
    memory.view = from.view;
    memory.halfwords = from.halfwords;
    memory.words = from.words;
    batchInfo.number = (batchInfo.number + 1) & 0x3fffffff;
    batchInfo.count = count;
    batchInfo.linkType = batch.linkType;
    this.batch = batch;
  }

  /** No batch is on its way. */
  leave(): void {
    this.batchInfo.count = 0;
    this.batch = undefined;
  }
}

/** What one brick gets of them; it notes which columns the brick takes, since sources leave out what nobody reads. */
export class NotedPackets {
  /** By these two packets are found: they are always filled. */
  readonly reads = new Set<ColumnName>(['offset', 'length']);
  readonly packets: Packets;
  private sealed = false;

  constructor(current: CurrentPackets, label: string) {
    const packets = { memory: current.memory, batch: current.batchInfo };
    for (const name of COLUMN_NAMES) {
      Object.defineProperty(packets, name, {
        enumerable: true,
        get: () => {
          if (this.sealed && !this.reads.has(name)) {
            throw new BricksError('E_BRICK_COLUMN', `The brick ${label} takes the column "${name}" while packets are flowing, when it may not be filled.`, 'Take it in advance, from the packets that choose or process receives: ({ length }) => (row) => ...');
          }
          this.reads.add(name);
          return current.columns[name];
        },
      });
    }
    this.packets = packets as unknown as Packets;
  }

  /** From now on it is known what the brick reads. */
  seal(): void {
    this.sealed = true;
  }

  /** Until it is sealed again: its code is made anew, and may read other columns too. */
  unseal(): void {
    this.sealed = false;
  }
}
