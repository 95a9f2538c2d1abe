/** Lines to standard output, or to a socket, which is connected again when it breaks. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { PATIENCE_MILLISECONDS, closing, textOf, type Line, type LineReceiver } from './line-receiver';

const RETRY_MILLISECONDS = 200;

export class StandardOutput implements LineReceiver {
  write(lines: readonly Line[]): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(textOf(lines), (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class LineSocket implements LineReceiver {
  private socket: Socket | undefined;
  private closed = false;

  constructor(private readonly to: NetConnectOpts) {}

  async write(lines: readonly Line[]): Promise<void> {
    const socket = await this.connected();
    const text = textOf(lines);
    const gone = new Promise<never>((_, reject) => socket.once('close', () => reject(new Error('the connection was closed'))));
    const written = new Promise<void>((resolve, reject) => {
      socket.write(text, (error) => (error ? reject(error) : resolve()));
    });
    // A reader that is slow holds up the next lines.
    await Promise.race([written, gone]);
  }

  async close(): Promise<void> {
    this.closed = true;
    const { socket } = this;
    if (!socket || socket.destroyed) return;
    await closing(new Promise<void>((resolve) => socket.end(resolve)));
    socket.destroy();
  }

  private async connected(): Promise<Socket> {
    const until = performance.now() + PATIENCE_MILLISECONDS;
    for (;;) {
      if (this.socket?.writable === true) return this.socket;
      try {
        this.socket = await this.open();
      } catch (error) {
        if (this.closed || performance.now() > until) throw error;
        await wait(RETRY_MILLISECONDS, undefined, { ref: false });
      }
    }
  }

  private open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.to);
      socket.unref();
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        // What goes wrong later is reported by the callback of a write; what the reader says is nothing to us.
        socket.on('error', () => undefined);
        socket.resume();
        resolve(socket);
      });
    });
  }
}
