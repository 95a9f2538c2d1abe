/**
 * Why a packet was dropped. The position is its place in a counter record (src/model/counters.ts).
 *
 * `text` completes "because ...", `happened` completes "5 packets ...". A remedy is made of whole sentences; what stands in braces is filled in for
 * one drop (src/control/drops.ts): `{link}` the link, `{reader}` the end of the pipe that a program reads, `{source}` the interface that the engine
 * receives from.
 */
export const DROP_REASONS = [
  { name: 'noReader', text: 'no program reads this pipe', happened: 'had no reader', remedy: "Start one, for example: bricks attach '{reader}'. Or remove the output." },
  { name: 'ringFull', text: 'the reader is too slow and its ring is full', happened: "found the reader's ring full", remedy: 'Give the reader of {reader} more CPU, split over more outputs, filter first, or make the rings larger (the engine option ringSize).' },
  { name: 'tooLong', text: 'the packet is longer than the link can carry', happened: 'exceeded what the link can carry', remedy: 'Turn segmentation offloads off: ethtool -K {source} tso off gso off gro off lro off. Packets of capture files need larger rings (the engine option ringSize).' },
  { name: 'interfaceBusy', text: "the interface's send queue is full", happened: "found the interface's send queue full", remedy: 'Send slower, or make the queue longer: ip link set {link} txqueuelen 10000.' },
  { name: 'interfaceDown', text: 'the interface is down or gone', happened: 'found the interface down or gone', remedy: 'Bring it up: ip link set {link} up.' },
  { name: 'diskSlow', text: 'the disk is slower than the traffic', happened: 'came faster than the disk takes them', remedy: 'Write to a faster disk, filter first, or make the buffer larger (the option bufferBytes of the writer).' },
  { name: 'diskError', text: 'the file could not be written', happened: 'could not be written to the file', remedy: "Read the engine's messages, and free some disk space." },
  { name: 'linkType', text: 'the link type does not match the output', happened: 'had a link type that the output does not take', remedy: 'Use pcapng for mixed link types, and Ethernet sources for interfaces.' },
  { name: 'decision', text: 'a brick chose to drop it', happened: 'did not pass the brick, as it is meant to be', remedy: '' },
  { name: 'malformed', text: 'the packet is malformed', happened: 'had malformed headers', remedy: 'Check where the packets come from.' },
  { name: 'noBuffer', text: 'no spare buffer was left', happened: 'found no spare buffer', remedy: 'Use a larger buffer, or fewer copies.' },
  { name: 'backendError', text: 'the backend reported an error', happened: 'failed in the backend', remedy: "Read the engine's messages." },
  { name: 'captureFull', text: 'the engine was too slow and the capture buffer is full', happened: 'overflowed the capture buffer before the engine could take them', remedy: 'Use more engines, give each a CPU of its own (the engine option cpu), or make the buffer larger (bufferBytes of pcap, slots of netmap).' },
  { name: 'engineHung', text: 'a brick failed or did not return, and its engine was ended', happened: 'did not get past a brick that failed or did not return, so that its engine was ended', remedy: 'Fix the brick, then link the engine again.' },
] as const;

/** The name of a drop reason. */
export type DropReason = (typeof DROP_REASONS)[number]['name'];

/** The position of a reason, for native code and hot paths. */
export const DROP_REASON_INDEX: { readonly [reason in DropReason]: number } = Object.fromEntries(
  DROP_REASONS.map((reason, index) => [reason.name, index]),
) as { [reason in DropReason]: number };
