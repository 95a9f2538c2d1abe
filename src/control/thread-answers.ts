/** What an engine's thread answers: one command waits at a time. */
import type { BricksError } from '../model/errors';
import type { EngineReport } from './engine-protocol';

type Kind = EngineReport['kind'];

interface Waiting {
  readonly kinds: readonly Kind[];
  readonly resolve: (report: EngineReport) => void;
  readonly reject: (error: BricksError) => void;
}

export class ThreadAnswers {
  private waiting: Waiting | undefined;

  /** Resolves with the first report of these kinds after `begin`. @throws BricksError what the thread failed with */
  expect(kinds: readonly Kind[], begin: () => void = () => undefined): Promise<EngineReport> {
    return new Promise((resolve, reject) => {
      this.waiting = { kinds, resolve, reject };
      begin();
    });
  }

  take(report: EngineReport): void {
    if (this.waiting?.kinds.includes(report.kind) === true) this.next()?.resolve(report);
  }

  /** Who waits, if anyone; from now on nobody does. */
  next(): Waiting | undefined {
    const { waiting } = this;
    this.waiting = undefined;
    return waiting;
  }
}
