/** Where rules come from besides calls: a watched file, Suricata's eve.json, Zeek, WebSocket clients. What is not asked for is not loaded. */
import type { ControlContext } from '../model/brick';
import type { SharedRules } from './layout';
import type { RuleDesk } from './rule-control';

export interface RuleSourceOptions {
  /** A file of rules that is read anew when it changes. */
  readonly file?: string | undefined;
}

type Close = () => void | Promise<void>;

/** Opens those that options name; returns what closes them. @throws BricksError of what can't be opened */
export async function openRuleSources(options: RuleSourceOptions, desk: RuleDesk, context: ControlContext<SharedRules>): Promise<() => Promise<void>> {
  const closers: Close[] = [];
  const { file } = options;
  if (file !== undefined) closers.push((await import('./watched-file.js')).watchRuleFile(file, desk, context.log));
  return async () => {
    for (const close of closers) await close();
  };
}
