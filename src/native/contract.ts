/** A number for what TypeScript and native code have in common: native parts were built with it (contract.h), and those with another one are refused. */
import { FLOW_NOT_COMPUTED, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, HEADER_BYTES, NUMBER_COLUMNS } from '../model/packet-batch';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, LINK_RECORD } from '../model/counters';
import { DROP_REASONS } from '../model/drop-reasons';

export const CONTRACT = fingerprint(JSON.stringify([
  NUMBER_COLUMNS, HEADER_BYTES, FLOW_NOT_COMPUTED, FLOW_WITH_PORTS, FLOW_WITHOUT_PORTS,
  LINK_PACKETS, LINK_BYTES, LINK_DROPS, LINK_RECORD, DROP_REASONS.map(({ name }) => name),
]));

/** FNV-1a. */
function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
