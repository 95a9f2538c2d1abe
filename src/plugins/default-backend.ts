/** Which backend is taken where a user names none: the most preferred that works here. */
import { LoopbackBackend } from '../../backends/loopback';
import type { Backend } from '../model/backend';
import { BricksError } from '../model/errors';
import type { LinkName } from '../model/link-name';
import { allBackends, resolveBackend } from './container';

export interface BackendChoice {
  readonly backend: Backend;
  /** Why this one: in a sentence for the user. */
  readonly reason: string;
}

let chosen: string | undefined;

/** Makes a backend the default of this process. @throws BricksError E_BACKEND */
export function setDefaultBackend(name: string): void {
  resolveBackend(name);
  chosen = name;
}

/** The backend for engines that name none, and why it is this one. */
export function defaultBackend(): BackendChoice {
  if (chosen !== undefined) return { backend: resolveBackend(chosen), reason: 'as requested' };
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
export function backendFor(links: readonly LinkName[]): Backend {
  const { backend, reason } = defaultBackend();
  const real = links.find(({ kind }) => kind === 'interface');
  if (chosen !== undefined || backend.inMemory !== true || real === undefined) return backend;
  throw new BricksError('E_BACKEND_UNUSABLE', `No working backend can reach the interface ${real.text}: ${reason}.`, `Build the native parts: bricks build. For an in-memory interface, ask for it: --backend ${backend.name}, or new PacketEngine(name, { backend: '${backend.name}' }).`);
}

/** Without the remedy, which is for those who ask for this backend. */
function firstSentence(text: string): string {
  return text.split(/\.\s/)[0].replace(/\.$/, '');
}

/** The loopback backend of this process, for programs that inject frames and read what engines send. */
export function loopback(): LoopbackBackend {
  return resolveBackend(LoopbackBackend.backendName) as LoopbackBackend;
}
