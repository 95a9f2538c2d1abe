/** The last counts of an engine that is closed or was ended: what went with it. */
import { BRICK_DROPS, BRICK_PACKETS_IN, LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter, readCounter, setCounter } from '../model/counters';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { CompiledGraph } from '../model/graph';
import { unreadPackets } from '../pipes';
import { CONTROL_BRICK, CONTROL_PACKETS, CONTROL_SOURCE } from './engine-protocol';

/** What a brick that hangs was given with its batch is lost with its engine. */
export function countHung(graph: CompiledGraph, words: Uint32Array, control: Int32Array): void {
  const source = graph.sources[control[CONTROL_SOURCE]];
  const packets = control[CONTROL_PACKETS];
  if (control[CONTROL_BRICK] === 0 || !source) return;
  const { record } = graph.bricks[source.brick];
  addToCounter(words, source.record + LINK_PACKETS, packets);
  addToCounter(words, record + BRICK_PACKETS_IN, packets);
  addToCounter(words, record + BRICK_DROPS + DROP_REASON_INDEX.engineHung, packets);
}

/** What lies in pipes that nobody reads is gone with them: it was not delivered. */
export function takeBackUnread(graph: CompiledGraph, words: Uint32Array, pipes: unknown): void {
  for (const { text, packets, bytes } of unreadPackets(pipes)) {
    const sink = graph.sinks.find(({ link }) => link.text === text);
    if (!sink) continue;
    const noReader = sink.record + LINK_DROPS + DROP_REASON_INDEX.noReader;
    setCounter(words, sink.record + LINK_PACKETS, readCounter(words, sink.record + LINK_PACKETS) - packets);
    setCounter(words, sink.record + LINK_BYTES, readCounter(words, sink.record + LINK_BYTES) - bytes);
    setCounter(words, noReader, readCounter(words, noReader) + packets);
  }
}
