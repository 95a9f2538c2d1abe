/** What a daemon has counted, in a file that is written anew every few seconds, for whoever has nothing but a file to look at. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { messageOf } from '../model/errors';

const STATUS_MILLISECONDS = 5000;

export class StatusFile {
  private readonly timer: NodeJS.Timeout;
  private failed = false;

  constructor(private readonly path: string, private readonly read: () => object, private readonly tell: (text: string) => void, milliseconds = STATUS_MILLISECONDS) {
    this.write();
    this.timer = setInterval(() => this.write(), milliseconds);
  }

  /** Readers find the old one or the new one, never a part. */
  write(): void {
    try {
      writeFileSync(`${this.path}.new`, `${JSON.stringify(this.read(), undefined, 2)}\n`, { mode: 0o644 });
      renameSync(`${this.path}.new`, this.path);
      this.failed = false;
    } catch (error) {
      if (!this.failed) this.tell(`The status file ${this.path} cannot be written: ${messageOf(error)}.`);
      this.failed = true;
    }
  }

  close(): void {
    clearInterval(this.timer);
    for (const path of [this.path, `${this.path}.new`]) rmSync(path, { force: true });
  }
}
