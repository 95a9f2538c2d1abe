/** What the page may do to a daemon: some of the commands of its protocol, checked and carried out as those of other clients are. */
import { WEB_COMMANDS, type WebCommand } from '../observe/web-messages';
import type { WebOperator } from '../observe/web-control';
import { COMMANDS } from '../protocol/commands';
import { checkParameters } from '../protocol/parameters';
import { engineCommand } from './commands/engines';
import { RELOAD, SHUTDOWN } from './commands/program';
import type { ControlHost } from './control-host';
import type { AnyClient, CommandHandler } from './handlers';

const HANDLERS: Readonly<Record<WebCommand, CommandHandler<AnyClient>>> = {
  'engine.start': engineCommand('engine.start'), 'engine.stop': engineCommand('engine.stop'), 'daemon.reload': RELOAD, 'daemon.shutdown': SHUTDOWN,
};

/** A daemon without a script has none to reload. */
export function pageOperator(host: ControlHost): WebOperator {
  return {
    get commands() {
      return WEB_COMMANDS.filter((command) => command !== 'daemon.reload' || host.information.script !== undefined);
    },
    carryOut: async (command, given, afterAnswer) => HANDLERS[command].run(host, checkParameters(command, COMMANDS[command].parameters, given), { afterAnswer }),
  };
}
