/**
 * What became of an engine's work: the faults that kept it from doing all of it. Ports report them beside their
 * notices; `finished()`, `stats()` and `audit()` show them, and the program `bricks` turns them into its exit code.
 */

/** By weight: where there are several, the first one decides the exit code. */
export const FAULT_KINDS = [
  { kind: 'engineFailed', exitCode: 1, text: 'An engine ended with an error: a brick threw or hung, or its thread ended.' },
  { kind: 'interfaceGone', exitCode: 5, text: 'An interface that supplied packets was deleted or failed; no more packets come from it.' },
  { kind: 'outputLost', exitCode: 4, text: 'Packets could not be written to a file and were dropped (`diskError`): the disk was full or failed, or the reader of a named pipe did not accept them.' },
  { kind: 'inputDamaged', exitCode: 3, text: 'An input was truncated, damaged or unreadable: everything that could be read was processed, the rest is missing.' },
] as const;

/** The kind of a fault. */
export type FaultKind = (typeof FAULT_KINDS)[number]['kind'];

/** What a port says beside a notice that tells of a fault. */
export interface ReportedFault {
  /** What went wrong. */
  readonly kind: FaultKind;
  /** The link where it happened. */
  readonly link: string;
}

/** How much a notice matters, as the log has it. */
export type NoticeLevel = 'info' | 'warn' | 'error';

/** What an engine's thread tells its user: a warning unless it is said otherwise. */
export type TellUser = (text: string, fault?: ReportedFault, level?: NoticeLevel) => void;

/** Something that kept an engine from doing all of its work. */
export interface EngineFault {
  /** What went wrong. */
  readonly kind: FaultKind;
  /** The link where it happened; empty for the engine as a whole. */
  readonly link: string;
  /** What happened, for people. */
  readonly message: string;
  /** The code of the error that ended the engine; otherwise empty. */
  readonly code: string;
}

/** What became of an engine's work. */
export interface EngineOutcome {
  /** Whether there was no fault. */
  readonly ok: boolean;
  /** What kept it from doing all of it; empty if nothing did. */
  readonly faults: readonly EngineFault[];
}

/** A long run over damaged files must not collect messages for ever. */
const FAULTS_MAXIMUM = 100;

/** The faults of an engine: one for each kind and link, the latest. */
export class FaultList {
  private readonly faults = new Map<string, EngineFault>();

  add(fault: EngineFault): void {
    const key = `${fault.kind} ${fault.link}`;
    if (this.faults.size >= FAULTS_MAXIMUM && !this.faults.has(key)) return;
    this.faults.set(key, fault);
  }

  clear(): void {
    this.faults.clear();
  }

  get all(): EngineFault[] {
    return [...this.faults.values()];
  }

  get outcome(): EngineOutcome {
    return { ok: this.faults.size === 0, faults: this.all };
  }
}

/** The exit code that faults of these kinds stand for: that of the gravest, 0 for none. */
export function exitCodeOf(kinds: Iterable<FaultKind>): number {
  const found = new Set(kinds);
  return FAULT_KINDS.find(({ kind }) => found.has(kind))?.exitCode ?? 0;
}
