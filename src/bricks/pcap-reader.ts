import type { BrickModule } from '../core/brick';
import { FILE_SOURCE_OPTIONS } from '../files/file-source';
import { loadBalancer, LoadBalancerBrick } from './load-balancer';

/** Plays capture files. The reading itself is src/files; what stands here is how packets leave it. */
export const pcapReader: BrickModule = {
  declaration: {
    name: 'PcapReader',
    summary: 'Plays a capture file, or all capture files of a directory, into its outputs.',
    description: [
      'Reads pcap and pcapng, every frame of every file, in order, also compressed with gzip or zstd; of a directory all capture files.',
      'It plays as fast as its outputs take the packets, or at the pace of their time stamps, once or in a loop.',
      'With more than one output it splits by the 4-tuple, as LoadBalancer does.',
      '',
      'The first input is the file or directory; an interface behind it, as the original wanted one, is not opened.',
    ].join('\n'),
    options: FILE_SOURCE_OPTIONS,
    inputs: { minimum: 1, maximum: Infinity },
    outputs: { minimum: 1, maximum: Infinity },
    fanout: 'one',
    effect: 'reads',
    holds: true,
    flowColumns: true,
    files: 'source',
    counters: loadBalancer.declaration.counters,
    examples: {
      lua: 'r = Brick.new("PcapReader", {pace = "timestamps"})\nr:connect_input("./traces/")\nr:connect_output("eth3{0")',
      typescript: "new PcapReader({ pace: 'timestamps' }).connectInput('./traces/').connectOutput('eth3{0')",
    },
  },
  create: (_options, context) => new LoadBalancerBrick({ tuple: 4 }, context),
};
