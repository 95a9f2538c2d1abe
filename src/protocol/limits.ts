/** The limits of the protocol: the same for everybody, and told in docs/reference/protocol.md. */
export const LIMITS = {
  /** Bytes of a message from a client. */
  requestBytes: 1 << 20,
  /** Bytes of a message from the server, which holds the statistics of all engines. */
  answerBytes: 64 << 20,
  /** How deep lists and tables may stand in each other in a message from a client. */
  depth: 32,
  /** Characters of a request's `id`. */
  idCharacters: 256,
  /** Requests of a batch. */
  batch: 100,
  /** Requests of one client that wait for their turn: no more are read meanwhile. */
  waitingRequests: 64,
  /** Subscriptions of one client. */
  subscriptions: 32,
  /** Clients at a time. */
  clients: 64,
  /** Clients that have not shown the token yet that they need. */
  strangers: 16,
  /** Bytes of a message of such a client. */
  strangerBytes: 8192,
  /** What such a client gets to show its token. */
  strangerMilliseconds: 10_000,
  /** Bytes that a client has not read yet: from here on its requests have to wait. */
  unreadBytes: 256 << 10,
  /** Bytes that a client has not read yet: beyond, it is closed. */
  unreadBytesMost: 8 << 20,
  /** A client that reads nothing for so long, though there is something to read, is closed. */
  stallMilliseconds: 30_000,
} as const;

/** Limits that a test, or a server with other needs, sets. */
export type Limits = { readonly [Name in keyof typeof LIMITS]: number };
