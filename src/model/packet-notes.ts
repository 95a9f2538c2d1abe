/**
 * What a capture file tells about its packets besides the columns: the interface that each came from, and its options
 * (comments, flags). A source that reads such a file hangs them on its batch where a sink asks for them (`SourceRequest.notes`);
 * bricks need not know of them, since they go by the row.
 */

/** The part of a file whose interfaces the packets of a batch are numbered by. */
export interface PacketSection {
  /** Another one whenever the section has learned of an interface or anything else that belongs in a copy. */
  readonly revision: number;
}

export interface PacketNotes {
  /** That of all rows. */
  section: PacketSection | undefined;
  /**
   * Three columns, each as long as the batch's capacity: the number of a row's interface in the section, where its options start in
   * the batch's memory, and how many bytes they have (a multiple of 4, or 0).
   */
  readonly words: Uint32Array;
}

/** A row whose interface the section does not describe: it has the batch's link type, and nothing more is known of it. */
export const NO_INTERFACE = 0xffff_ffff;

export function createPacketNotes(capacity: number): PacketNotes {
  return { section: undefined, words: new Uint32Array(3 * capacity) };
}
