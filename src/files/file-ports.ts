/** What an engine opens its links of kind `file` with, whatever its backend is. */
import { fstatSync, statSync } from 'node:fs';
import type { OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../model/backend';
import { FileSource } from './file-source';
import { FileTransmitter } from './file-sink';
import { fileError } from './formats';
import { isStandardInput, STANDARD_INPUT } from './open-input';
import { STANDARD_OUTPUT, isStandardOutput } from './target-file';
import { systemName } from './system-name';
import { RecorderThread } from './recorder-thread';

export class FilePorts implements PortOpener {
  private readonly sources = new Set<string>();
  private readonly targets: string[] = [];
  private recorder: RecorderThread | undefined;

  /** For an engine that writes files: starts the thread that does so. */
  prepareSinks(): void {
    this.recorder = new RecorderThread();
  }

  /** @throws BricksError E_FILE, E_FILE_FORMAT */
  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const source = new FileSource(request, (text, fault) => context.notice(text, fault));
    for (const path of source.paths) {
      const identity = identityOf(path, isStandardInput(path) ? STANDARD_INPUT : undefined);
      if (identity === undefined) continue;
      this.sources.add(identity);
      if (!this.targets.some((target) => identityOf(target, isStandardOutput(target) ? STANDARD_OUTPUT : undefined) === identity)) continue;
      source.close();
      throw fileError('E_FILE', `${path} can't be read: the engine writes to it.`, 'Give the output another name.');
    }
    return source;
  }

  /** @throws BricksError E_FILE */
  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    const transmitter = new FileTransmitter(requests, context, (identity) => this.sources.has(identity), true, this.recorder);
    for (const request of requests) this.targets.push(request.link.device);
    return transmitter;
  }
}

function identityOf(path: string, standard: number | undefined): string | undefined {
  try {
    const status = standard === undefined ? statSync(systemName(path)) : fstatSync(standard);
    return status.isFile() ? `${status.dev}:${status.ino}` : undefined;
  } catch {
    return undefined;
  }
}
