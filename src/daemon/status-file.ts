/** What a daemon has counted, in a file that is written anew every few seconds, for whoever has nothing but a file to look at. */
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
