/** Commands about the daemon, and about the connection. */
import { PROTOCOL_VERSION } from '../../protocol/json-rpc';
import { handle, type AnyClient, type CommandHandler } from '../handlers';

/** Those that the page gives, too. */
export const RELOAD = handle<'daemon.reload', AnyClient>('daemon.reload', (host) => host.reload());
export const SHUTDOWN = handle<'daemon.shutdown', AnyClient>('daemon.shutdown', (host, _, client) => {
  client.afterAnswer(() => host.shutdown());
  return null;
});

export const PROGRAM_HANDLERS: readonly CommandHandler[] = [
  handle('daemon.information', ({ information }, _, { access }) => ({ ...information, protocol: PROTOCOL_VERSION, access })),
  RELOAD,
  SHUTDOWN,
  handle('authenticate', (_, { token }, session) => ({ access: session.authenticate(token) })),
  handle('restrict', (_, __, session) => {
    session.restrict();
    return null;
  }),
  handle('subscribe', (_, { topic, parameters }, session) => ({ subscription: session.subscribe(topic, parameters ?? {}) })),
  handle('unsubscribe', (_, { subscription }, session) => {
    session.unsubscribe(subscription);
    return null;
  }),
];
