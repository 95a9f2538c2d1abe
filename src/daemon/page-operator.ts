/** What the page may do to a daemon: some of the commands of its protocol, checked and carried out as those of other clients are. */
import { WEB_COMMANDS } from '../observe/web-messages';
import type { WebOperator } from '../observe/web-control';
import { COMMANDS } from '../protocol/commands';
import { checkParameters } from '../protocol/parameters';
import { carryOut, type ControlHost } from './control-host';

/** A daemon without a script has none to reload. */
export function pageOperator(host: ControlHost): WebOperator {
  return {
    get commands() {
      return WEB_COMMANDS.filter((command) => command !== 'daemon.reload' || host.information.script !== undefined);
    },
    async carryOut(command, given, afterAnswer) {
      const { name } = checkParameters(command, COMMANDS[command].parameters, given) as { readonly name: string };
      if (command === 'daemon.reload') return host.reload();
      if (command === 'daemon.shutdown') afterAnswer(() => host.shutdown());
      else await carryOut(host, { command, name });
      return null;
    },
  };
}
