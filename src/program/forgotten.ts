/** What a set-up has forgotten: an engine that was not started, or bricks that no engine has. Said before the program waits, or ends. */
import { idleEngines } from '../control/process-engines';
import { unlinkedText } from '../control/unlinked';
import { say } from './messages';

/** Younger engines may still be in the making. */
const YOUNG_MILLISECONDS = 2000;
const LOOK_MILLISECONDS = 1000;

/** One line for each engine that does nothing, or for bricks without one. `loose` are descriptions of such bricks; `anyLinked`: some engine has links. */
export function forgotten(loose: readonly string[], idle: readonly { readonly name: string; readonly linked: boolean }[], anyLinked: boolean): string[] {
  const lines = idle.map((engine) => idleText(engine.name, engine.linked, loose));
  if (lines.length === 0 && loose.length > 0 && !anyLinked) {
    lines.push(`No engine is linked to the brick ${loose.join(' or the brick ')}, so nothing happens. Create an engine and link the brick: PktEngine.new("e0"):link(brick):start().`);
  } else if (loose.length > 0 && idle.every(({ linked }) => linked)) {
    lines.push(`No engine is linked to the brick ${loose.join(' or the brick ')}, so it gets no packets. Link it: pe:link(brick), or brick:link(other) to put it below another brick.`);
  }
  return lines;
}

function idleText(name: string, linked: boolean, loose: readonly string[]): string {
  if (linked) return `The engine ${name} was never started, so no packet moves. Start it: pe:start().`;
  return unlinkedText(name, loose.length > 0 ? ` (${loose.join(', ')} has no engine)` : '');
}

const said = new Set<string>();

export function sayOnce(line: string): void {
  if (!said.has(line)) say(line, 'warn');
  said.add(line);
}

/** Tells of engines that have been idle for a while, each once: a script that waits must not wait for nothing. */
export function watchForIdleEngines(): void {
  const seen = new Map<unknown, number>();
  setInterval(() => {
    const now = performance.now();
    for (const engine of idleEngines()) {
      const since = seen.get(engine) ?? now;
      seen.set(engine, since);
      if (now - since < YOUNG_MILLISECONDS) continue;
      seen.set(engine, Infinity);
      sayOnce(idleText(engine.name, engine.linked, []));
    }
  }, LOOK_MILLISECONDS).unref();
}
