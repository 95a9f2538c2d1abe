/**
 * A model of the engine that shares no code with it: batches go through the nodes in order, as plain arrays. What the guide promises of
 * order stands here: a batch first; then the copies of its packets that bricks are to change; then, brick by brick, held packets that go
 * and packets that were made, each with the copies of theirs behind them.
 */
import type { FlowPacket } from './loopback-engine';

/** A packet on its way: what bricks have made of it. */
export interface ModelPacket extends FlowPacket {
  readonly tagged: boolean;
}

export type Traffic = readonly ModelPacket[];

/** What a brick does with a packet. */
export interface Play {
  readonly outputs: readonly number[];
  /** The packet behind it, where it changes packets. */
  readonly becomes?: ModelPacket;
  /** Whether it asks for headroom. */
  readonly grows?: boolean;
  /** Keeps packets, and lets them go in pairs, to its outputs by turns. */
  readonly holds?: boolean;
  readonly makes?: { readonly packet: ModelPacket; readonly output: number };
}

export interface ModelledNode {
  readonly kind: string;
  readonly level: number;
  readonly inputs: readonly { readonly from: number; readonly output: number }[];
  readonly outputs: number;
  readonly play: (packet: ModelPacket) => Play;
}

export interface ModelledBrick {
  readonly kind: string;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly copies: number;
  readonly created: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** What a brick may hold, and what it may make in a batch at least. */
const HELD_MAXIMUM = 256;
const MADE_MINIMUM = 256;

interface Row { readonly row: number; readonly packet: ModelPacket }

class Node {
  packetsIn = 0;
  packetsOut = 0;
  copies = 0;
  created = 0;
  decided = 0;
  withoutBuffer = 0;
  turn = 0;
  waiting: ModelPacket[] = [];
  held: ModelPacket[] = [];
  made: { packet: ModelPacket; output: number }[] = [];
  /** What every output has sent. */
  readonly sent: ModelPacket[][];
  /** What lies on the outputs now. */
  lists: Row[][];
  readonly edits: boolean;

  constructor(readonly node: ModelledNode, readonly copiesFirst: boolean) {
    this.sent = Array.from({ length: node.outputs }, () => []);
    this.lists = this.sent.map(() => []);
    this.edits = EDITING.includes(node.kind);
  }

  give(output: number, row: Row): void {
    this.lists[output].push(row);
    this.sent[output].push(row.packet);
    this.packetsOut++;
  }
}

const EDITING = ['Rewriter', 'Cutter', 'Grower', 'Tagger'];
const GROWING = ['Grower', 'Tagger'];
/** Kinds that may give a packet to several outputs. */
const COPYING = ['Duplicator', 'Spreader'];

/** Whether packets may reach a node that are on another branch at the same time. */
function isShared(nodes: readonly ModelledNode[], index: number): boolean {
  return nodes[index].inputs.some(({ from }) => (COPYING.includes(nodes[from].kind) && nodes[from].outputs > 1) || isShared(nodes, from));
}

export function playSetUp(described: readonly ModelledNode[], packets: readonly FlowPacket[], batch: number): { outputs: ModelPacket[][][]; bricks: ModelledBrick[] } {
  const nodes = described.map((node, index) => new Node(node, EDITING.includes(node.kind) && (GROWING.includes(node.kind) || isShared(described, index))));
  const base = Math.max(batch, described.some(({ kind }) => kind === 'Pairer' || kind === 'Maker') ? MADE_MINIMUM : 0);

  const enter = (node: Node, input: readonly Row[]): void => {
    node.packetsIn += input.length;
    for (const { row, packet } of input) {
      const { outputs, becomes, holds, makes } = node.node.play(packet);
      if (makes && node.made.length < base) node.made.push(makes);
      else if (makes) { node.created++; node.withoutBuffer++; }
      if (holds && node.held.length < HELD_MAXIMUM) { node.held.push(packet); continue; }
      if (outputs.length === 0) node.decided++;
      if (outputs.length > 1) node.copies += outputs.length - 1;
      for (const output of outputs) node.give(output, { row, packet: becomes ?? packet });
    }
  };
  const follow = (from: number): void => {
    for (let index = from; index < nodes.length; index++) {
      const node = nodes[index];
      const input = node.node.inputs.flatMap((link) => nodes[link.from].lists[link.output]).sort((a, b) => a.row - b.row);
      if (input.length === 0) continue;
      if (node.copiesFirst) node.waiting.push(...input.map(({ packet }) => packet));
      else enter(node, input);
    }
    for (const node of nodes) node.lists = node.lists.map(() => []);
  };
  const rowsOf = (all: readonly ModelPacket[]): Row[] => all.map((packet, row) => ({ row, packet }));
  const sendCopies = (): void => {
    nodes.forEach((node, index) => {
      if (node.waiting.length === 0) return;
      enter(node, rowsOf(node.waiting.splice(0)));
      follow(index + 1);
    });
  };
  const sendSides = (all: boolean): void => {
    sendCopies();
    nodes.forEach((node, index) => {
      const going = all ? node.held.length : node.held.length & ~1;
      node.held.splice(0, going).forEach((packet, row) => node.give(node.turn++ % node.node.outputs, { row, packet }));
      if (going > 0) { follow(index + 1); sendCopies(); }
      const { made } = node;
      if (made.length === 0) return;
      node.created += made.length;
      made.splice(0).forEach(({ packet, output }, row) => node.give(output, { row, packet }));
      follow(index + 1);
      sendCopies();
    });
  };

  for (let at = 0; at < packets.length; at += batch) {
    const rows = rowsOf(packets.slice(at, at + batch).map((packet) => ({ ...packet, tagged: false })));
    const [first] = nodes;
    if (first.copiesFirst) first.waiting.push(...rows.map(({ packet }) => packet));
    else enter(first, rows);
    follow(1);
    sendSides(false);
  }
  sendSides(true);
  return {
    outputs: nodes.map(({ sent }) => sent),
    bricks: nodes.map(({ node, packetsIn, packetsOut, copies, created, decided, withoutBuffer }) => ({
      kind: node.kind, packetsIn, packetsOut, copies, created, dropped: decided + withoutBuffer,
      drops: { ...(decided > 0 ? { decision: decided } : {}), ...(withoutBuffer > 0 ? { noBuffer: withoutBuffer } : {}) },
    })),
  };
}
