/** What fallback.ts and the process in which node-pcap captures (node-pcap-child.ts) say to each other. */
export interface ChildTask {
  readonly device: string;
  readonly status: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the status file holds. */
export type ChildStatus = { readonly linkType: number } | { readonly error: string };

export const RECORD_BYTES = 16;
export const STATISTICS = 0xffff_ffff;
