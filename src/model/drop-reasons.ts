/** Why a packet was dropped. The position is its place in a counter record (src/model/counters.ts). */
export const DROP_REASONS = [
  { name: 'noReader', text: 'no program reads this pipe', remedy: "read it (bricks attach 'NAME'), or remove the output" },
  { name: 'ringFull', text: 'the reader is too slow and its ring is full', remedy: 'give the reader more CPU, split over more outputs, or make the ring larger' },
  { name: 'tooLong', text: 'the packet is longer than the link can carry', remedy: 'turn segmentation offloads off (ethtool -K IFACE tso off gso off gro off), or raise the snap length' },
  { name: 'interfaceBusy', text: "the interface's send queue is full", remedy: 'send slower, or raise txqueuelen' },
  { name: 'interfaceDown', text: 'the interface is down or gone', remedy: 'bring it up (ip link set IFACE up)' },
  { name: 'diskSlow', text: 'the disk is slower than the traffic', remedy: 'write to a faster disk, filter first, or make the buffer larger' },
  { name: 'diskError', text: 'the file could not be written', remedy: "check the engine's messages; free some disk space" },
  { name: 'linkType', text: 'the link type does not match the output', remedy: 'use pcapng for mixed link types, and Ethernet sources for interfaces' },
  { name: 'decision', text: 'a brick chose to drop it', remedy: '' },
  { name: 'malformed', text: 'the packet is malformed', remedy: 'check where the packets come from' },
  { name: 'noBuffer', text: 'no spare buffer was left', remedy: 'use a larger buffer, or fewer copies' },
  { name: 'backendError', text: 'the backend reported an error', remedy: "check the engine's messages" },
  { name: 'captureFull', text: "the engine was too slow and the capture buffer is full", remedy: 'use more engines or a larger buffer' },
  { name: 'engineHung', text: 'a brick failed or did not return, and its engine was ended', remedy: 'fix the brick' },
] as const;

/** The name of a drop reason. */
export type DropReason = (typeof DROP_REASONS)[number]['name'];

/** The position of a reason, for native code and hot paths. */
export const DROP_REASON_INDEX: { readonly [reason in DropReason]: number } = Object.fromEntries(
  DROP_REASONS.map((reason, index) => [reason.name, index]),
) as { [reason in DropReason]: number };
