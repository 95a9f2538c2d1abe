import type { LinkCount } from '../model/brick';
import type { BrickClass } from '../model/define-brick';
import type { GivenOptions } from '../model/options';
import { FILE_SOURCE_OPTIONS } from '../files/options';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';
import { FLOW_COUNTERS, chooseByFlow, chooseSlowlyByFlow, releaseByFlow } from './load-balancer';
import { UnusualFlows, type FlowDefinition } from './unusual-flows';

const FLOWS: FlowDefinition = { tuple: 4, inner: false, fragmentLifetime: 30_000, fragmentWait: 100 };

/** Options of PcapReader. */
export interface PcapReaderOptions extends GivenOptions<typeof FILE_SOURCE_OPTIONS> {}

/** Replays capture files. Reading them is done by src/files; what stands here is how packets leave it. */
export const PcapReader: BrickClass<PcapReaderOptions, LinkCount> = defineBrick({
  name: 'PcapReader',
  summary: 'Replays a capture file, or all capture files in a directory, into its outputs.',
  description: [
    'Reads every frame of every file, in order: pcap and pcapng, also compressed with gzip or zstd. In a directory, it reads all capture files.',
    'It replays as fast as its outputs accept packets, or at the pace of the time stamps, once or in a loop.',
    'With more than one output, it splits by the 4-tuple, like LoadBalancer.',
    '',
    'The first input is the file or directory. A second input, an interface, is accepted for compatibility with the original but not opened.',
  ].join('\n'),
  options: FILE_SOURCE_OPTIONS,
  inputs: { minimum: 1, maximum: Infinity },
  files: 'source',
  counters: FLOW_COUNTERS,
  examples: {
    lua: 'r = Brick.new("PcapReader", {pace = "timestamps"})\nr:connect_input("./traces/")\nr:connect_output("eth3{0")',
    typescript: "new PcapReader({ pace: 'timestamps' }).connectInput('./traces/').connectOutput('eth3{0')",
  },
  holds: true,
  state: (_options, context) => new UnusualFlows(FLOWS, context),
  choose: (packets, _options, context) => chooseByFlow(packets, FLOWS, context),
  slowPath: (_packets, _options, context) => chooseSlowlyByFlow(context),
  release: (_packets, _options, context) => releaseByFlow(context),
}, ownModule('pcap-reader'));
