/** Which backend is taken where a user names none: the most preferred that works here. */
import type { LoopbackBackend } from '../../backends/loopback';
import { BricksError } from '../model/errors';
import type { LinkName } from '../model/link-name';
import { allBackends, resolveBackend, type FoundBackend } from './container';

export interface BackendChoice extends FoundBackend {
  /** Why this one: in a sentence for the user. */
  readonly reason: string;
}

let chosen: FoundBackend | undefined;

/** Makes a backend the default of this process: one that is known here by its name, or what `findBackend` has found. @throws BricksError E_BACKEND */
export function setDefaultBackend(choice: string | FoundBackend): void {
  chosen = typeof choice === 'string' ? { backend: resolveBackend(choice) } : choice;
}

/** The backend for engines that name none, and why it is this one. */
export function defaultBackend(): BackendChoice {
  if (chosen !== undefined) return { ...chosen, reason: 'as requested' };
  const passedOver: string[] = [];
  const candidates = allBackends();
  for (const backend of candidates) {
    const status = backend.status();
    if (status.usable) return { backend, reason: [status.reason, ...passedOver].join('; ') };
    passedOver.push(`${backend.name} does not work here: ${firstSentence(status.reason)}`);
  }
  // loopback needs nothing, so this is reached only where someone has taken it out.
  return { backend: candidates[candidates.length - 1], reason: passedOver.join('; ') };
}

/** Where a user names none, the backend for these links. @throws BricksError E_BACKEND_UNUSABLE where only one in memory is left, and a link is an interface */
export function backendFor(links: readonly LinkName[]): FoundBackend {
  const choice = defaultBackend();
  const { backend, reason } = choice;
  const real = links.find(({ kind }) => kind === 'interface');
  if (chosen !== undefined || backend.inMemory !== true || real === undefined) return choice;
  throw new BricksError('E_BACKEND_UNUSABLE', `No working backend can reach the interface ${real.text}: ${reason}.`, `Build the native parts: bricks build. For an in-memory interface, ask for it: --backend ${backend.name}, or new PacketEngine(name, { backend: '${backend.name}' }).`);
}

/** Without the remedy, which is for those who ask for this backend. */
function firstSentence(text: string): string {
  return text.split(/\.\s/)[0].replace(/\.$/, '');
}

/** The loopback backend of this process, for programs that inject frames and read what engines send. */
export function loopback(): LoopbackBackend {
  return resolveBackend('loopback') as LoopbackBackend;
}
