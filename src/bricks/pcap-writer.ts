import type { BrickClass } from '../model/define-brick';
import type { GivenOptions } from '../model/options';
import { FILE_SINK_OPTIONS } from '../files/options';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

/** Options of PcapWriter. */
export interface PcapWriterOptions extends GivenOptions<typeof FILE_SINK_OPTIONS> {}

/** Records packets to capture files. Writing them is done by src/files. */
export const PcapWriter: BrickClass<PcapWriterOptions, 1> = defineBrick({
  name: 'PcapWriter',
  summary: 'Records every packet, with its own time stamp, to a capture file.',
  description: [
    'Writes pcap or pcapng, and can start a new file by size or time. With several outputs, each file gets every packet.',
    'A slow or full disk costs packets of this file only; they are counted.',
  ].join('\n'),
  options: FILE_SINK_OPTIONS,
  files: 'sink',
  broadcast: true,
  examples: {
    lua: 'w = Brick.new("PcapWriter")\nw:connect_input("eth3}0")\nw:connect_output("/var/tmp/eth3.pcap")',
    typescript: "new PcapWriter({ rotateBytes: 1e9 }).connectInput('eth3}0').connectOutput('/var/tmp/eth3.pcap')",
  },
}, ownModule('pcap-writer'));
