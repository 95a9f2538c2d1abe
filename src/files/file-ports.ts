/** What an engine opens its links of kind `file` with, whatever its backend is. */
import { fstatSync, statSync } from 'node:fs';
import type { OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../model/backend';
import { FileSource } from './file-source';
import { FileTransmitter, type OpenFiles } from './file-sink';
import { fileError } from './formats';
import { isStandardInput, STANDARD_INPUT } from './open-input';
import type { LinkName } from '../model/link-name';
import { systemName } from './system-name';
import { RecorderThread } from './recorder-thread';

export class FilePorts implements PortOpener {
  private readonly sources = new Set<string>();
  private readonly open: OpenFiles = new Map();
  private recorder: RecorderThread | undefined;

  /** For a graph that writes these files: starts the thread that does so, if there are new ones. */
  prepareSinks(links: readonly LinkName[]): void {
    if (links.some(({ kind, text }) => kind === 'file' && !this.open.has(text))) this.recorder ??= new RecorderThread();
  }

  private takeRecorder(): RecorderThread {
    const recorder = this.recorder ?? new RecorderThread();
    this.recorder = undefined;
    return recorder;
  }

  /** @throws BricksError E_FILE, E_FILE_FORMAT */
  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const source = new FileSource(request, (text, fault) => context.notice(text, fault));
    for (const path of source.paths) {
      const identity = identityOf(path, isStandardInput(path) ? STANDARD_INPUT : undefined);
      if (identity === undefined) continue;
      this.sources.add(identity);
      if (![...this.open.values()].some(({ sink }) => sink.identity === identity)) continue;
      source.close();
      throw fileError('E_FILE', `${path} can't be read: the engine writes to it.`, 'Give the output another name.');
    }
    return source;
  }

  /** @throws BricksError E_FILE */
  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    return new FileTransmitter(requests, context, (identity) => this.sources.has(identity), true, () => this.takeRecorder(), this.open);
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
