/** What the screen uses of terminal-kit, which has no types. The module is the one that loads all of its parts at once, so that it can be bundled. */
declare module 'terminal-kit/lib/termkit-no-lazy-require.js' {
  export interface Attributes {
    readonly color?: string;
    readonly bold?: boolean;
    readonly dim?: boolean;
  }
  export interface Terminal {
    readonly width: number;
    readonly height: number;
    fullscreen(on: boolean): void;
    hideCursor(on: boolean): void;
    grabInput(on: boolean): void;
    styleReset(): void;
    clear(): void;
    on(event: 'key', listener: (name: string) => void): void;
    on(event: 'resize', listener: () => void): void;
    off(event: 'key', listener: (name: string) => void): void;
    off(event: 'resize', listener: () => void): void;
  }
  export const terminal: Terminal;
  export class ScreenBuffer {
    constructor(options: { readonly dst: Terminal; readonly width: number; readonly height: number });
    fill(options: { readonly char: string; readonly attr: Attributes }): void;
    put(options: { readonly x: number; readonly y: number; readonly attr: Attributes; readonly markup: boolean }, format: string, text: string): void;
    draw(options: { readonly delta: boolean }): void;
  }
}
