/** NetControl for a filter: as a client of Zeek, as a server, or both. */
import type { ControlContext } from '../../model/brick';
import type { SharedRules } from '../layout';
import type { RuleDesk } from '../rule-control';
import type { Close, RuleSourceOptions } from '../rule-sources';
import { NetControlDesk, type NetControlOptions } from './net-control-desk';
import { NetControlServer } from './socket-server';
import { ZeekClient } from './zeek-client';

/** Adds what closes it, piece by piece: where one can't be opened, the caller closes those before it. @throws BricksError E_OPTION, E_LISTEN, E_FILE */
export async function openNetControl(options: RuleSourceOptions, desk: RuleDesk, context: ControlContext<SharedRules>, closers: Close[]): Promise<void> {
  const { zeek, listen, shunt } = options;
  const names: Omit<NetControlOptions, 'name'> = { names: namesOf(context.outputs), otherNames: namesOf(context.otherOutputs), shunt };
  const expired: NetControlDesk['expired'][] = [];
  // Zeek's rules and those of other clients have separate ids.
  const open = (name: 'listen' | 'zeek', publish: (topic: string, message: string) => void): NetControlDesk => {
    const made = new NetControlDesk(desk, { ...names, name }, publish);
    expired.push((rule) => made.expired(rule));
    return made;
  };
  desk.book.onExpired = (rule) => expired.forEach((tell) => tell(rule));
  if (listen !== undefined) {
    const served = open('listen', (topic, message) => server.publish(topic, message));
    const server = await NetControlServer.open({ ...options, listen }, served, context.log);
    closers.push(() => server.close());
  }
  if (zeek !== undefined) {
    const asked = open('zeek', (_topic, message) => client.publish(message));
    const client = new ZeekClient({ ...options, zeek }, asked, context.log);
    closers.push(() => client.close());
  }
}

/** Outputs as a rule may name them: by the end that writes, and by the one that reads. */
function namesOf(outputs: readonly string[]): string[] {
  return outputs.flatMap((name) => [name, name.replace('{', '}')]);
}
