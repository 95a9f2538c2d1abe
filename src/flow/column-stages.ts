/** The stages that fill columns of a batch where its source does not, and anew behind bricks that change packets; for graphs whose bricks read these columns. */
import { HeaderBytesColumn, copyHeadersByByte, type HeaderCopierMaker } from '../core/header-bytes';
import type { BatchStage } from '../core/side-batch';
import { HEADER_COLUMN_NAMES, type ColumnName, type PacketMemory } from '../model/packet-batch';
import type { GraphMemory } from '../rows/graph-memory';
import { flowFiller } from './flow-columns';
import { headerFiller } from './header-columns';

const FLOW_COLUMNS: readonly ColumnName[] = ['flowWord', 'flowAddresses', 'flowPorts'];

/** Whether any of the flow columns is read. */
export function readsFlow(reads: ReadonlySet<ColumnName>): boolean {
  return FLOW_COLUMNS.some((column) => reads.has(column));
}

export interface ColumnStagesOptions {
  /** The columns that bricks read. */
  readonly reads: ReadonlySet<ColumnName>;
  /** Whether all sources fill flow columns themselves. */
  readonly sourcesFillFlow: boolean;
  /** Whether a brick changes packets. */
  readonly edits: boolean;
  /** What copies packets' first bytes faster than TypeScript can read them where they lie; undefined for nothing. */
  readonly copier: HeaderCopierMaker | undefined;
}

export class ColumnStages {
  /** Run when a batch enters the graph. */
  readonly onEntry: BatchStage[] = [];
  /** Run behind each brick that has changed packets; may have stages that `onEntry` does not need. */
  readonly afterEdits: BatchStage[] = [];
  private readonly headerBytes: HeaderBytesColumn | undefined;

  constructor({ columns, specialise }: GraphMemory, { reads, sourcesFillFlow, edits, copier }: ColumnStagesOptions) {
    const fillsFlow = readsFlow(reads) && !sourcesFillFlow;
    const refillsFlow = readsFlow(reads) && edits;
    const headers = new Set(HEADER_COLUMN_NAMES.filter((name) => reads.has(name)));
    const fillsHeaders = headers.size > 0;
    // Packets lie far apart, so that a loop over them waits for memory; native code copies their first bytes together.
    const byHeaderBytes = (fillsFlow || refillsFlow || fillsHeaders) && copier !== undefined;
    if (reads.has('headerBytes') || byHeaderBytes) {
      this.headerBytes = new HeaderBytesColumn(columns, copier ?? copyHeadersByByte);
      if (reads.has('headerBytes') || fillsFlow || fillsHeaders) this.onEntry.push(this.headerBytes);
      this.afterEdits.push(this.headerBytes);
    }
    if (fillsFlow || refillsFlow) {
      const fill = flowFiller(columns, { specialise, headerBytes: byHeaderBytes, fields: reads.has('flowAddresses') || reads.has('flowPorts') });
      const stage: BatchStage = { fill: (batch, count) => fill(batch, 0, count) };
      if (fillsFlow) this.onEntry.push(stage);
      if (refillsFlow) this.afterEdits.push(stage);
    }
    if (fillsHeaders) {
      const fill = headerFiller(columns, headers, { specialise, headerBytes: byHeaderBytes });
      const stage: BatchStage = { fill: (batch, count) => fill(batch, 0, count) };
      this.onEntry.push(stage);
      this.afterEdits.push(stage);
    }
  }

  /** Learns the memory of a source before packets come. */
  expect(memory: PacketMemory): void {
    this.headerBytes?.learn(memory);
  }
}
