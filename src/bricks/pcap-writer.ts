import type { BrickModule } from '../core/brick';
import { FILE_SINK_OPTIONS } from '../files/file-sink';
import { DuplicatorBrick } from './duplicator';

/** Records packets to capture files. The writing itself is src/files. */
export const pcapWriter: BrickModule = {
  declaration: {
    name: 'PcapWriter',
    summary: 'Records every packet, with its own time, to a capture file.',
    description: [
      'Writes pcap or pcapng, and begins a new file by size or time where asked to. With several outputs each file gets everything.',
      'A slow or full disk costs packets of this file only, and they are counted.',
    ].join('\n'),
    options: FILE_SINK_OPTIONS,
    inputs: { minimum: 1, maximum: 1 },
    outputs: { minimum: 1, maximum: Infinity },
    fanout: 'all',
    effect: 'reads',
    files: 'sink',
    counters: [],
    examples: {
      lua: 'w = Brick.new("PcapWriter")\nw:connect_input("eth3}0")\nw:connect_output("/var/tmp/eth3.pcap")',
      typescript: "new PcapWriter({ rotateBytes: 1e9 }).connectInput('eth3}0').connectOutput('/var/tmp/eth3.pcap')",
    },
  },
  create: (_options, context) => new DuplicatorBrick(context),
};
