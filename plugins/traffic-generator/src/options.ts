import { PACE_OPTIONS, type OptionDeclarations, type OptionsOf } from 'packet-bricks';

export const GENERATOR_OPTIONS = {
  ...PACE_OPTIONS,
  flows: { type: 'integer', default: 1000, minimum: 1, maximum: 4_194_304, description: 'how many flows there are at a time' },
  popularity: { type: 'string', oneOf: ['uniform', 'zipf'], default: 'uniform', description: 'how packets are spread over flows: evenly, or the n-th most popular gets 1/n^exponent' },
  exponent: { type: 'number', default: 1, minimum: 0.1, maximum: 4, description: 'the exponent of zipf' },
  tcp: { type: 'number', default: 0.7, minimum: 0, maximum: 1, description: 'share of flows that are TCP connections, with handshake, data and end; the others are UDP' },
  segments: { type: 'integer', default: 10, minimum: 0, maximum: 10_000, description: 'segments with data of a TCP connection, on average' },
  ipv6: { type: 'number', default: 0.2, minimum: 0, maximum: 1, description: 'share of flows over IPv6' },
  vlans: { type: 'integer', default: 0, minimum: 0, maximum: 4094, description: 'over how many VLANs flows are spread, from 1 on; 0: no tags' },
  fragments: { type: 'number', default: 0, minimum: 0, maximum: 1, description: 'share of UDP datagrams over IPv4 that come in two fragments' },
  size: { type: 'string', oneOf: ['imix', 'fixed', 'range'], default: 'imix', description: 'how long frames with data are: 60, 590 and 1514 bytes as 7:4:1, `bytes`, or from `bytes` to `longest`; those that have no room for their headers are longer' },
  bytes: { type: 'integer', default: 60, minimum: 60, maximum: 9216, unit: 'bytes', description: 'the length of frames, without their checksum, with size = fixed or range' },
  longest: { type: 'integer', default: 1514, minimum: 60, maximum: 9216, unit: 'bytes', description: 'the length of the longest with size = range' },
  seed: { type: 'integer', default: 1, minimum: 0, maximum: 2_147_483_647, description: 'another one makes other packets; the same one makes the same' },
} as const satisfies OptionDeclarations;

export type GeneratorOptions = OptionsOf<typeof GENERATOR_OPTIONS>;
