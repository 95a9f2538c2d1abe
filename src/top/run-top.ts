/** `bricks top`: follows a daemon's statistics, on a terminal or as lines. */
import type { Daemon } from '../client/daemon';
import type { EngineStatistics } from '../control/statistics';
import type { DaemonInformation } from '../protocol/commands/program';
import { csvHeader, csvOf, jsonOf } from './formats';
import { plainText } from './lines';
import { bodyLines, draw, FIRST_STATE, pressed, type TopState } from './state';

export interface TopOptions {
  readonly format: 'screen' | 'text' | 'json' | 'csv';
  /** One look, and no more. */
  readonly once: boolean;
  /** From one look to the next. */
  readonly seconds: number;
  readonly colours: boolean;
  readonly chosen: Partial<Pick<TopState, 'view' | 'sort' | 'filter'>>;
  /** Columns that lines of text may take. */
  readonly width: number;
  readonly write: (text: string) => void;
}

/** Runs until a key or a signal ends it. @throws BricksError E_CONTROL_CLOSED */
export async function runTop(daemon: Daemon, options: TopOptions): Promise<void> {
  const end = (): void => void daemon.close();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  await (options.format === 'screen' ? onScreen(daemon, options) : asLines(daemon, options));
}

async function asLines(daemon: Daemon, { format, once, seconds, chosen, width, write }: TopOptions): Promise<void> {
  if (format === 'csv') write(`${csvHeader()}\n`);
  for await (const engines of daemon.subscribe('statistics', { seconds })) {
    const time = new Date();
    if (format === 'json') write(`${jsonOf(engines, time)}\n`);
    else if (format === 'csv') write(csvOf(engines, time).map((line) => `${line}\n`).join(''));
    else write(plainText(bodyLines({ ...FIRST_STATE, ...chosen }, engines, width)));
    if (once) return;
  }
}

async function onScreen(daemon: Daemon, { seconds, colours, chosen }: TopOptions): Promise<void> {
  const information = await daemon.call('daemon.information');
  let state: TopState = { ...FIRST_STATE, ...chosen };
  let engines: readonly EngineStatistics[] = [];
  let looked = new Date();
  const show = (): void => {
    const drawn = draw(state, engines, titleOf(information, looked), looked.toTimeString().slice(0, 8), screen.width, screen.height);
    state = { ...state, scroll: drawn.scroll };
    screen.draw(drawn.lines);
  };
  const key = (name: string): void => {
    const next = pressed(state, name, screen.height);
    if (next === 'quit') {
      void daemon.close();
      return;
    }
    state = next;
    show();
  };
  // Loaded here: other forms need no terminal.
  const { TerminalScreen } = await import('./screen.js');
  const screen = new TerminalScreen(colours, { key, resized: show });
  try {
    for await (const statistics of daemon.subscribe('statistics', { seconds })) {
      if (state.paused) continue;
      engines = statistics;
      looked = new Date();
      show();
    }
  } finally {
    screen.close();
  }
}

function titleOf({ name, pid, startedAt, version }: DaemonInformation, now: Date): string {
  return `bricks top  daemon ${name}, process ${pid}, up ${durationText((now.getTime() - Date.parse(startedAt)) / 1000)}, Packet Bricks ${version}`;
}

/** `3 d 4 h`, `4 h 12 min`, `12 min`, `9 s` */
export function durationText(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.max(0, Math.floor(seconds))} s`;
}
