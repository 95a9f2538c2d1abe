/** Lua shells of clients: each ends with its connection. */
import { BricksError } from '../../model/errors';
import { handle, publishTopic, type CommandHandler, type TopicHandler } from '../handlers';
import { LuaShell } from '../lua-shell';
import type { Session } from '../session';

const shellsOf = new WeakMap<Session, Map<number, LuaShell>>();

export const SHELL_HANDLERS: readonly CommandHandler[] = [
  handle('shell.open', (host, _, session) => {
    const shells = shellsOf.get(session) ?? new Map<number, LuaShell>();
    const opened = new LuaShell(host, session);
    if (!shellsOf.has(session)) {
      shellsOf.set(session, shells);
      session.signal.addEventListener('abort', () => {
        for (const shell of shells.values()) void shell.close();
      });
    }
    const shell = Math.max(0, ...shells.keys()) + 1;
    shells.set(shell, opened);
    return { shell };
  }),
  handle('shell.line', (_, { shell, text, columns, first }, session) => shellOf(session, shell).runLine(text, columns, first)),
  handle('shell.script', (_, { shell, text, name, arguments: given }, session) => shellOf(session, shell).runScript(text, name, texts(given ?? []))),
  handle('shell.help', (_, { shell, word, columns }, session) => shellOf(session, shell).help(word, columns)),
  handle('shell.complete', (_, { shell, text, behind }, session) => shellOf(session, shell).complete(text, behind)),
  handle('shell.interrupt', (_, { shell }, session) => shellOf(session, shell).interrupt()),
  handle('shell.close', async (_, { shell }, session) => {
    const closed = shellOf(session, shell);
    shellsOf.get(session)?.delete(shell);
    await closed.close();
    return null;
  }),
];

export const SHELL_TOPIC_HANDLERS: readonly TopicHandler[] = [
  publishTopic('shell.output', (_, { shell }, session, publish) => shellOf(session, shell).listen(publish)),
];

/** @throws BricksError E_ARGUMENT */
function shellOf(session: Session, number: number): LuaShell {
  const shell = shellsOf.get(session)?.get(number);
  if (!shell) throw new BricksError('E_ARGUMENT', `There is no shell ${number}.`, 'Open one with shell.open: each connection has its own.');
  return shell;
}

/** @throws BricksError E_OPTION */
function texts(given: readonly unknown[]): string[] {
  return given.map((one) => {
    if (typeof one !== 'string') throw new BricksError('E_OPTION', `shell.script: the parameter "arguments" holds ${JSON.stringify(one)}; it must hold strings.`);
    return one;
  });
}
