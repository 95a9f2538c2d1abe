/** Lines in a file, which is followed by another one when it is full. */
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { textOf, type Line, type LineReceiver } from './line-receiver';

export class LineFile implements LineReceiver {
  private size = 0;

  private constructor(private readonly path: string, private readonly most: number, private readonly keep: number, private file: FileHandle | undefined) {}

  /** `most` bytes go into a file, unless that is 0, and `keep` old ones stay. @throws Error of the system */
  static async open(path: string, most: number, keep: number): Promise<LineFile> {
    const output = new LineFile(path, most, keep, undefined);
    await output.reopen();
    return output;
  }

  async write(lines: readonly Line[]): Promise<void> {
    const bytes = Buffer.from(textOf(lines));
    await this.follow();
    if (this.most > 0 && this.size > 0 && this.size + bytes.length > this.most) await this.rotate();
    const file = this.file ?? await this.reopen();
    try {
      await file.writeFile(bytes);
      this.size += bytes.length;
    } catch (error) {
      // No half lines: the disk may be full.
      await file.truncate(this.size).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  /** Somebody may have moved the file, as logrotate does: then lines go into a new one. */
  private async follow(): Promise<void> {
    if (!this.file) return;
    const [ours, there] = await Promise.all([this.file.stat(), stat(this.path).catch(() => undefined)]);
    if (there?.ino !== ours.ino || there.dev !== ours.dev) await this.close();
    else this.size = ours.size;
  }

  private async reopen(): Promise<FileHandle> {
    this.file = await open(this.path, 'a');
    this.size = (await this.file.stat()).size;
    return this.file;
  }

  private async rotate(): Promise<void> {
    await this.close();
    const name = (number: number): string => (number === 0 ? this.path : `${this.path}.${number}`);
    if (this.keep === 0) await unlink(this.path);
    for (let number = this.keep; number > 0; number--) {
      await rename(name(number - 1), name(number)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }
}
