/** Commands about the daemon, and about the connection. */
import { PROTOCOL_VERSION } from '../../protocol/json-rpc';
import { handle, type CommandHandler } from '../handlers';

export const PROGRAM_HANDLERS: readonly CommandHandler[] = [
  handle('daemon.information', ({ information }, _, { access }) => ({ ...information, protocol: PROTOCOL_VERSION, access })),
  handle('daemon.reload', (host) => host.reload()),
  handle('daemon.shutdown', (host, _, session) => {
    session.afterAnswer(() => host.shutdown());
    return null;
  }),
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
