/** Learns what a plugin's modules export, in a separate thread: one that throws, hangs or ends its process does so there. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BrickDeclaration } from '../model/brick';
import type { ModuleReference } from '../model/define-brick';
import { messageOf } from '../model/errors';
import type { OptionDeclarations } from '../model/options';

export interface InspectionRequest {
  readonly files: readonly string[];
}

/** A brick as the thread that knows its class describes it to others. */
export interface InspectedBrick {
  /** The module that was asked for, from which every thread can load it. */
  readonly file: string;
  readonly declaration: BrickDeclaration;
  readonly module: ModuleReference;
}

export interface InspectedBackend {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionDeclarations;
}

export interface InspectionReport {
  readonly bricks: readonly InspectedBrick[];
  readonly backends: readonly InspectedBackend[];
  /** Why its modules could not be loaded. */
  readonly problem?: string;
}

const LOAD_MILLISECONDS = 10_000;
/** What a plugin's code may take of V8's memory, with all that it depends on. */
const LOAD_MEGABYTES = 1024;

/** Never rejects: what went wrong is in the report. */
export async function inspectModules(files: readonly string[], milliseconds = LOAD_MILLISECONDS, megabytes = LOAD_MEGABYTES): Promise<InspectionReport> {
  const nothing = { bricks: [], backends: [] };
  const worker = new Worker(join(__dirname, '..', 'plugins', 'plugin-thread.js'), { workerData: { files } satisfies InspectionRequest, name: 'bricks plugin', resourceLimits: { maxOldGenerationSizeMb: megabytes } });
  let limit: NodeJS.Timeout | undefined;
  const report = await new Promise<InspectionReport>((resolve) => {
    limit = setTimeout(() => resolve({ ...nothing, problem: `its code has not loaded within ${milliseconds / 1000} s` }), milliseconds);
    worker.once('message', (told: InspectionReport) => resolve(told));
    // Errors from other threads are of another realm in some hosts.
    worker.once('error', (error: { readonly message?: string; readonly code?: string }) => {
      resolve({ ...nothing, problem: error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? `its code takes more than ${megabytes} MB of memory to load` : error.message ?? messageOf(error) });
    });
    worker.once('exit', () => resolve({ ...nothing, problem: 'its code ended the thread that loaded it' }));
  });
  clearTimeout(limit);
  await worker.terminate();
  return report;
}
