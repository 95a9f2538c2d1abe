/** What may not be asked of an engine in the state it is in: the same for engines that are open and for those that are only planned. */
import { BricksError } from '../model/errors';
import type { CompiledGraph } from '../model/graph';
import { busyPipeError } from '../pipes';
import type { OpenGraph } from './idle-links';

/** Whether another graph can take over while the links of both are open. */
export function staysOpen({ backend, graph }: OpenGraph, next: OpenGraph): boolean {
  if (next.backend !== backend) return false;
  const links = [graph, next.graph].flatMap(({ sources, sinks }) => [...sources, ...sinks]);
  return backend.takesOver === true || !links.some(({ link }) => link.kind !== 'file' && backend.handles(link));
}

/** What `addOutputs` was given: names, and perhaps what the new outputs get of options. */
export function newOutputs(given: readonly (string | Readonly<Record<string, unknown>>)[]): { readonly links: readonly string[]; readonly options?: Readonly<Record<string, unknown>> } {
  const last = given.at(-1);
  const options = typeof last === 'object' ? last : undefined;
  const links = given.filter((link): link is string => link !== options);
  return { links, ...(options && { options }) };
}

/** @throws BricksError E_ARGUMENT */
export function refuseOthersThanBricks(verb: string, bricks: readonly unknown[]): void {
  const wrong = bricks.findIndex((brick) => typeof (brick as { collect?: unknown } | undefined)?.collect !== 'function');
  if (wrong >= 0) throw new BricksError('E_ARGUMENT', `${verb} takes a brick, got ${String(bricks[wrong])}.`, `For example: engine.${verb}(new LoadBalancer().connectInput(...)).`);
}

/** For what a former reading of a module still asks of its engines. @throws BricksError E_NO_ENGINE */
export function refuseOfFormer(name: string): never {
  throw new BricksError('E_NO_ENGINE', `The engine ${name} belongs to the reloaded script; the script as it was before may not command it any more.`, 'In onReload, end what the script has started besides engines.');
}

/** For a failure that nobody listens to: the program that goes on to its end must not end as if all were well. */
export function warnOfFailure(error: BricksError): void {
  process.emitWarning(Object.assign(new Error(error.message), { name: 'BricksWarning', code: error.code, stack: error.stack ?? '' }));
  process.exitCode ??= 1;
}

/** @throws BricksError E_ENGINE_RUNNING */
export function refuseWhileRunning(engine: { readonly name: string; readonly running: boolean }, what: 'unlink' | 'delete it'): void {
  if (engine.running) throw new BricksError('E_ENGINE_RUNNING', `The engine ${engine.name} is running.`, `Stop it before you ${what}.`);
}

/** For an engine to which nothing was linked. */
export function noBrickError(name: string, consequence = ''): BricksError {
  return new BricksError('E_ENGINE_NOT_LINKED', `The engine ${name} has no brick${consequence}.`, 'Link one first: pe:link(brick).');
}

/** For a number that none of an engine's bricks has. */
export function unknownBrickError(engine: string, id: number, { bricks }: CompiledGraph): BricksError {
  const known = bricks.map(({ label, specification }) => `${specification.id} (${label})`);
  return new BricksError('E_ARGUMENT', `The engine ${engine} has no brick ${id}.`, `It has: ${known.join(', ')}.`);
}

/** A call of a method that a brick has not. */
export function noMethodsError(brick: string): BricksError {
  return new BricksError('E_BRICK_CALL', `The brick ${brick} has no control half, so it has no methods.`);
}

/** For engines that are only planned: a call that could not be carried out if they were open. @throws BricksError E_ARGUMENT, E_BRICK_CALL */
export function refuseCall(engine: string, id: number, graph: CompiledGraph): void {
  const found = graph.bricks.find(({ specification }) => specification.id === id);
  if (!found) throw unknownBrickError(engine, id, graph);
  if (!found.declaration.control) throw noMethodsError(found.label);
}

/** For engines that are only planned: two can't have the same end of a pipe. @throws BricksError E_PIPE_BUSY */
export function refuseBusyPipes(planned: OpenGraph, others: readonly OpenGraph[]): void {
  const own = pipeEnds(planned);
  for (const other of others) {
    for (const taken of pipeEnds(other).keys()) {
      const end = own.get(taken);
      if (end) throw busyPipeError(end.text, end.role, 'this process');
    }
  }
}

/** The pipes that an engine would open itself, by what makes two of them the same end. */
function pipeEnds({ graph, backend }: OpenGraph): Map<string, { readonly text: string; readonly role: 'read' | 'write' }> {
  const ends = [
    ...graph.sinks.map(({ link }) => ({ link, role: 'write' as const })),
    ...graph.sources.map(({ link }) => ({ link, role: 'read' as const })),
  ].filter(({ link }) => link.kind === 'pipe' && !backend.handles(link));
  return new Map(ends.map(({ link: { text }, role }) => [`${role} ${text}`, { text, role }]));
}
