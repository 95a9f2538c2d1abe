/** Columns that the engine fills itself, where a brick reads them and a source leaves them out. */
import type { BatchStage } from '../core/side-batch';
import type { EngineSource } from '../core/engine-source';
import type { GraphMemory } from '../rows/graph-memory';
import { HeaderBytesColumn, copyHeadersByByte } from '../core/header-bytes';
import { flowFiller } from '../flow/columns';
import type { Backend } from '../model/backend';
import type { ColumnName } from '../model/packet-batch';
import { nativeHeaderCopier } from '../native/system';
import type { EnginePlan } from './engine-protocol';
import { isOpenedBy } from './thread-ports';

const FLOW_COLUMNS: readonly ColumnName[] = ['flowWord', 'flowAddresses', 'flowPorts'];

export function readsFlow(reads: ReadonlySet<ColumnName>): boolean {
  return FLOW_COLUMNS.some((column) => reads.has(column));
}

export class EngineStages {
  /** Run when a batch enters the graph. */
  readonly onEntry: BatchStage[] = [];
  /** Run behind each brick that has changed packets; may have stages that `onEntry` does not need. */
  readonly afterEdits: BatchStage[] = [];
  private readonly headerBytes: HeaderBytesColumn | undefined;

  constructor(plan: EnginePlan, backend: Backend, memory: GraphMemory, reads: ReadonlySet<ColumnName>) {
    const { sources, bricks } = plan.graph;
    const filled = sources.every(({ link }) => !isOpenedBy(backend, link) || backend.flowColumns?.(plan.backendOptions) !== false);
    const copier = nativeHeaderCopier();
    const fillsFlow = readsFlow(reads) && !filled;
    const refillsFlow = readsFlow(reads) && bricks.some(({ declaration }) => declaration.effect === 'edits');
    // Packets lie far apart, so that a loop over them waits for memory; native code copies their first bytes together.
    const flowByHeaderBytes = (fillsFlow || refillsFlow) && copier !== undefined;
    if (reads.has('headerBytes') || flowByHeaderBytes) {
      this.headerBytes = new HeaderBytesColumn(memory.columns, copier ?? copyHeadersByByte);
      if (reads.has('headerBytes') || fillsFlow) this.onEntry.push(this.headerBytes);
      this.afterEdits.push(this.headerBytes);
    }
    if (!fillsFlow && !refillsFlow) return;
    const fields = reads.has('flowAddresses') || reads.has('flowPorts');
    const fill = flowFiller(memory.columns, { specialise: memory.specialise, headerBytes: flowByHeaderBytes, fields });
    const stage: BatchStage = { fill: (batch, count) => fill(batch, 0, count) };
    if (fillsFlow) this.onEntry.push(stage);
    if (refillsFlow) this.afterEdits.push(stage);
  }

  /** Learns the memories of sources before packets come. */
  expect(sources: readonly EngineSource[]): void {
    for (const { batch } of sources) this.headerBytes?.learn(batch.memory);
  }
}
