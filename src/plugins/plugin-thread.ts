/** The thread that loads a plugin to see what it brings. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Backend } from '../model/backend';
import { messageOf } from '../model/errors';
import { backendsOf } from './load-backend';
import { brickClassesOf } from './load-brick';
import { loadModule } from './load-module';
import type { InspectionReport, InspectionRequest } from './inspect-plugin';

/** What of a backend can be sent to another thread. */
function told({ name, summary, options }: Backend): InspectionReport['backends'][number] {
  return { name, summary, options };
}

async function inspect({ files }: InspectionRequest): Promise<InspectionReport> {
  const bricks = new Map<string, InspectionReport['bricks'][number]>();
  const backends = new Map<string, InspectionReport['backends'][number]>();
  for (const file of files) {
    const exports = await loadModule(file);
    for (const { declaration, module } of brickClassesOf(exports)) bricks.set(declaration.name, { file, declaration, module });
    for (const backend of backendsOf(exports)) backends.set(backend.name, told(backend));
  }
  return { bricks: [...bricks.values()], backends: [...backends.values()] };
}

inspect(workerData as InspectionRequest).then((report) => parentPort?.postMessage(report)).catch((error: unknown) => {
  parentPort?.postMessage({ bricks: [], backends: [], problem: messageOf(error) } satisfies InspectionReport);
});
