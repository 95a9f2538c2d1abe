/** How LoadBalancer splits by a table of flow words. */
import { HELD, SLOW_PATH, type BrickContext, type Packets } from '../model/brick';
import { CONSTANT_PORTS, flowWord as flowWordOf } from '../flow/hash';
import { mayEncapsulate } from '../flow/tunnels';
import { Failover, LOOK_MILLISECONDS } from './failover';
import { outputsByWord, type Split } from './output-table';
import { KEPT, WITHOUT_FLOW, type FlowDefinition, type UnusualFlows } from './unusual-flows';

/** The table of one brick: both of its functions need it. */
interface FlowTable {
  readonly entries: Uint16Array;
  readonly failover: Failover | undefined;
}

const tables = new WeakMap<BrickContext, FlowTable>();

function tableOf(split: Split, context: BrickContext): FlowTable {
  const known = tables.get(context);
  if (known) return known;
  const failover = split.failover ? new Failover(split, context) : undefined;
  const table = { entries: failover?.table ?? outputsByWord(split, context), failover };
  tables.set(context, table);
  return table;
}

/** The output of a flow word, on rare paths. With failover, packets that go to another output than usual are counted. */
function outputByTable({ entries, failover }: FlowTable, context: BrickContext): (word: number) => number {
  if (!failover) return (word) => (word === WITHOUT_FLOW ? 0 : entries[word]);
  const moved = context.counter('failedOver');
  return (word) => {
    const entry = word === WITHOUT_FLOW ? failover.withoutFlow : entries[word];
    moved.add(entry >>> 15);
    return entry & 0x7fff;
  };
}

/** Splits packets by a table. With failover its entries have a bit more, which costs an addition: the others pay nothing for it. */
export function chooseByTable(packets: Packets, definition: FlowDefinition & Split, context: BrickContext): (row: number) => number {
  const { tuple, inner } = definition;
  const { level } = context;
  const table = tableOf(definition, context);
  const { entries, failover } = table;
  if (failover) context.every(LOOK_MILLISECONDS, () => failover.look());
  const { flowWord } = packets;
  const slow = SLOW_PATH; // of this scope, V8 takes it for a constant
  // The column holds the very word of a first level by addresses and ports.
  if (!inner && tuple === 4 && level === 1) {
    if (!failover) {
      return (row) => {
        const word = flowWord[row];
        return word === 0 ? slow : entries[word & 0xffff];
      };
    }
    const moved = context.counter('failedOver');
    return (row) => {
      const word = flowWord[row];
      if (word === 0) return slow;
      const entry = entries[word & 0xffff];
      moved.add(entry >>> 15);
      return entry & 0x7fff;
    };
  }
  const { flowAddresses, flowPorts } = packets;
  const encapsulates = mayEncapsulate;
  const fixedWord = tuple === 2 ? flowWordOf(0, CONSTANT_PORTS, level) : 0;
  const portMask = tuple === 2 ? 0 : 0xffff;
  if (!failover) {
    return (row) => {
      const ports = flowPorts[row];
      if (flowWord[row] === 0 || (inner && encapsulates(ports))) return slow;
      return entries[(flowAddresses[row] ^ fixedWord ^ ((((ports >>> 16) + level) ^ ((ports & 0xffff) + level)) & portMask)) & 0xffff];
    };
  }
  const moved = context.counter('failedOver');
  return (row) => {
    const ports = flowPorts[row];
    if (flowWord[row] === 0 || (inner && encapsulates(ports))) return slow;
    const entry = entries[(flowAddresses[row] ^ fixedWord ^ ((((ports >>> 16) + level) ^ ((ports & 0xffff) + level)) & portMask)) & 0xffff];
    moved.add(entry >>> 15);
    return entry & 0x7fff;
  };
}

/** The output of a packet whose flow the columns do not hold, or not the one that is asked for. */
export function chooseSlowlyByTable(split: Split, context: BrickContext): (row: number, flows: UnusualFlows) => number {
  const outputOf = outputByTable(tableOf(split, context), context);
  return (row, flows) => {
    const word = flows.wordOf(row);
    return word === KEPT ? HELD : outputOf(word);
  };
}

/** When held fragments go, and where. */
export function releaseByTable(split: Split, context: BrickContext): (place: number, all: boolean, flows: UnusualFlows) => number {
  const outputOf = outputByTable(tableOf(split, context), context);
  return (place, all, flows) => {
    const word = flows.releasedWord(place, all);
    return word === KEPT ? HELD : outputOf(word);
  };
}
