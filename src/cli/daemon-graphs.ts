/** The graphs of a daemon's engines, with the declarations of their bricks and, if wanted, what passes their links. */
import { connect, type ConnectOptions } from '../client/connect';
import type { Daemon } from '../client/daemon';
import type { GraphDescription } from '../control/graph-description';
import type { EngineStatistics } from '../control/statistics';
import type { BrickDeclaration } from '../model/brick';
import { isBricksError } from '../model/errors';
import { edgeRates, type EdgeRate } from '../picture/rates';
import type { Picture } from '../picture/picture';
import { containerBricks, type KnownBricks } from '../text';

export interface DaemonGraphs {
  readonly graphs: readonly GraphDescription[];
  readonly known: KnownBricks;
  readonly ratesOf: (picture: Picture) => readonly EdgeRate[] | undefined;
}

/** Two looks at an engine. */
interface Looks {
  readonly before: EngineStatistics;
  readonly after: EngineStatistics;
  readonly seconds: number;
}

/** Rates are measured for so many seconds; none with 0. @throws BricksError as the client and the daemon say it */
export async function daemonGraphs(options: ConnectOptions, seconds: number): Promise<DaemonGraphs> {
  const daemon = await connect(options);
  try {
    const graphs = await daemon.call('engine.graph');
    const known = await knownTo(daemon, new Set(graphs.flatMap(({ bricks }) => bricks.map(({ kind }) => kind))));
    const looks = seconds > 0 && graphs.some(({ running }) => running) ? await look(daemon, seconds) : new Map<string, Looks>();
    return {
      graphs, known,
      ratesOf: (picture) => {
        const found = picture.running ? looks.get(picture.engine) : undefined;
        return found && edgeRates(picture, found.before, found.after, found.seconds);
      },
    };
  } finally {
    await daemon.close();
  }
}

/** Bricks that this program does not know are described by the daemon. */
async function knownTo(daemon: Daemon, kinds: ReadonlySet<string>): Promise<KnownBricks> {
  const others = new Map<string, BrickDeclaration>();
  for (const kind of kinds) {
    if (containerBricks.find(kind) !== undefined) continue;
    try {
      const { inputs, outputs, ...declared } = await daemon.call('brick.describe', { kind });
      others.set(kind, { ...declared, inputs: { minimum: inputs.minimum, maximum: inputs.maximum ?? Infinity }, outputs: { minimum: outputs.minimum, maximum: outputs.maximum ?? Infinity } });
    } catch (error) {
      if (!isBricksError(error) || error.code !== 'E_BRICK') throw error;
    }
  }
  return { find: (kind) => containerBricks.find(kind) ?? others.get(kind), names: [...containerBricks.names, ...others.keys()] };
}

async function look(daemon: Daemon, seconds: number): Promise<Map<string, Looks>> {
  const before = await daemon.call('engine.stats');
  const begin = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = await daemon.call('engine.stats');
  const passed = (performance.now() - begin) / 1000;
  return new Map(after.flatMap((engine) => {
    const earlier = before.find(({ name }) => name === engine.name);
    return earlier === undefined ? [] : [[engine.name, { before: earlier, after: engine, seconds: passed }] as const];
  }));
}
