import { PacedSource, mixedWord, type OpenContext, type SourceClock, type SourceRequest } from 'packet-bricks';
import type { GeneratorOptions } from './options.js';
import { Traffic } from './traffic.js';

/** An interface of the generator, as an engine reads it. */
export class GeneratorSource extends PacedSource {
  constructor(request: SourceRequest, options: GeneratorOptions, notice: OpenContext['notice'], clock?: SourceClock) {
    super(request, new Traffic(options, streamOf(request.link.text)), options, notice, clock);
  }
}

/** Interfaces of other names bring other packets. */
function streamOf(name: string): number {
  return [...Buffer.from(name)].reduce((hash, byte) => mixedWord(hash, byte), 0);
}
