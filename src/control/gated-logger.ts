/** A brick's log: a message that comes often is counted instead of repeated. */
import type { Logger } from '../model/brick';
import type { NoticeLevel } from '../model/outcome';

/** So many messages pass in a second; the rest is counted. */
const MESSAGES_A_SECOND = 10;

export function gatedLogger(write: (text: string, level: NoticeLevel) => void, now: () => number): Logger {
  let second = -Infinity;
  let passed = 0;
  let held = 0;
  const gate = (level: NoticeLevel) => (text: string): void => {
    const time = now();
    if (time - second >= 1000) {
      if (held > 0) write(`${held} more messages in the second before were left out`, 'warn');
      second = time;
      passed = held = 0;
    }
    if (passed < MESSAGES_A_SECOND) {
      passed++;
      write(text, level);
    } else {
      held++;
    }
  };
  return { debug: () => undefined, info: gate('info'), warn: gate('warn'), error: gate('error') };
}
