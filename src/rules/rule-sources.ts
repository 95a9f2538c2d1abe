/** Where rules come from besides calls: a watched file, Suricata's eve.json, Zeek, WebSocket clients. What is not asked for is not loaded. */
import type { ControlContext } from '../model/brick';
import type { SharedRules } from './layout';
import type { RuleDesk } from './rule-control';

export interface RuleSourceOptions {
  /** A file of rules that is reloaded when it changes. */
  readonly file?: string | undefined;
  /** Suricata's log, and how long rules of it last. */
  readonly eve?: string | undefined;
  readonly eveExpire: number;
  /** Zeek's WebSocket interface, and the topic of its events. */
  readonly zeek?: string | undefined;
  readonly topic: string;
  /** Where WebSocket clients may connect. */
  readonly listen?: string | undefined;
  readonly token?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly shunt: boolean;
}

/** Whether options of a Filter mean that it takes rules. */
export function takesRules({ rules, file, eve, zeek, listen, keep }: Readonly<Record<string, unknown>>): boolean {
  return rules === true || [file, eve, zeek, listen, keep].some((source) => source !== undefined);
}

/** What stops a source. */
export type Close = () => void | Promise<void>;

/** Opens those that options name; returns what closes them. @throws BricksError of what can't be opened */
export async function openRuleSources(options: RuleSourceOptions, desk: RuleDesk, context: ControlContext<SharedRules>): Promise<() => Promise<void>> {
  const closers: Close[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0)) await one();
  };
  try {
    const { file, eve, eveExpire } = options;
    if (file !== undefined) closers.push((await import('./watched-file.js')).watchRuleFile(file, desk, context.log));
    if (eve !== undefined) closers.push((await import('./eve-file.js')).followEveFile(eve, desk, { expire: eveExpire }, context.log));
    if (options.zeek !== undefined || options.listen !== undefined) await (await import('./zeek/open.js')).openNetControl(options, desk, context, closers);
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}
