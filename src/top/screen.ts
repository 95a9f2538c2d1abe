/** The terminal of `bricks top`: draws lines, hears keys, and leaves the terminal as it was. */
import { ScreenBuffer, terminal, type Attributes } from 'terminal-kit/lib/termkit-no-lazy-require.js';
import type { Line } from './lines';
import type { Tone } from './tables';

const COLOURS: Readonly<Record<Tone, Attributes>> = {
  plain: {}, title: { bold: true }, faint: { dim: true }, good: { color: 'green' }, warning: { color: 'yellow' }, bad: { color: 'red', bold: true },
};
const NO_COLOURS: Readonly<Record<Tone, Attributes>> = { plain: {}, title: { bold: true }, faint: {}, good: {}, warning: {}, bad: { bold: true } };

export interface ScreenListener {
  key(name: string): void;
  resized(): void;
}

export class TerminalScreen {
  private buffer: ScreenBuffer;
  private readonly tones: Readonly<Record<Tone, Attributes>>;

  constructor(colours: boolean, private readonly listener: ScreenListener) {
    this.tones = colours ? COLOURS : NO_COLOURS;
    terminal.fullscreen(true);
    terminal.hideCursor(true);
    terminal.grabInput(true);
    this.buffer = this.newBuffer();
    terminal.on('key', this.onKey);
    terminal.on('resize', this.onResize);
  }

  get width(): number {
    return terminal.width;
  }

  get height(): number {
    return terminal.height;
  }

  private newBuffer(): ScreenBuffer {
    return new ScreenBuffer({ dst: terminal, width: terminal.width, height: terminal.height });
  }

  private readonly onKey = (name: string): void => this.listener.key(name);

  private readonly onResize = (): void => {
    this.buffer = this.newBuffer();
    terminal.clear();
    this.listener.resized();
  };

  /** Only what has changed since the last time is written. */
  draw(lines: readonly Line[]): void {
    this.buffer.fill({ char: ' ', attr: this.tones.plain });
    lines.forEach((line, y) => {
      let x = 0;
      for (const { text, tone } of line) {
        this.buffer.put({ x, y, attr: this.tones[tone], markup: false }, '%s', text);
        x += text.length;
      }
    });
    this.buffer.draw({ delta: true });
  }

  close(): void {
    terminal.off('key', this.onKey);
    terminal.off('resize', this.onResize);
    terminal.grabInput(false);
    terminal.hideCursor(false);
    terminal.styleReset();
    terminal.fullscreen(false);
  }
}
