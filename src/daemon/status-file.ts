/** A daemon's counters in a file that is rewritten every few seconds, for tools that can only read a file. */
import { messageOf } from '../model/errors';
import { replaceFile } from './runtime-directory';

const STATUS_MILLISECONDS = 5000;

export class StatusFile {
  private readonly timer: NodeJS.Timeout;
  private failed = false;

  constructor(private readonly path: string, private readonly read: () => object, private readonly tell: (text: string) => void) {
    this.write();
    this.timer = setInterval(() => this.write(), STATUS_MILLISECONDS);
  }

  private write(): void {
    try {
      replaceFile(this.path, `${JSON.stringify(this.read(), undefined, 2)}\n`);
      this.failed = false;
    } catch (error) {
      if (!this.failed) this.tell(messageOf(error));
      this.failed = true;
    }
  }

  close(): void {
    clearInterval(this.timer);
  }
}
