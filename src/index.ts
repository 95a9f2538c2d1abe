/**
 * Packet Bricks for TypeScript.
 *
 *     import { LoadBalancer, PacketEngine } from 'packet-bricks';
 *
 *     const engine = new PacketEngine('e0', { backend: 'pcap' });
 *     await engine.link(new LoadBalancer({ tuple: 4 }).connectInput('eth3').connectOutputs('eth3', 4));
 *     await engine.start();
 */
export { BricksError } from './model/errors';
export { ERROR_CODES, type ErrorCode } from './model/error-codes';
export { parseLinkName, type LinkName } from './model/link-name';
export { BrickDescription } from './model/brick-description';
export { ALL, DROP, HELD, SLOW_PATH } from './model/brick';
export type {
  BrickContext, BrickDeclaration, BrickDefinition, Counter, CurrentBatch, EngineClock, Explanation, Fanout, Gauge, InputRows, LinkCount, Logger, Packets,
} from './model/brick';
export type { BrickClass, ModuleReference } from './model/define-brick';
export type { PacketView } from './model/packet-view';
export { defineBrick } from './plugins/define-brick';
export { inject, type Token } from './model/tokens';
export { tokens } from './model/brick-tokens';
export { changedChecksum, checksumOf, foldedSum, wordSum, writeChecksums } from './flow/checksums';
export { flowHash } from './flow/hash';
export { HEADER, type HeaderKind } from './flow/header-kinds';
export { HeaderWalk, type HeaderWalkOptions } from './flow/header-walk';
export { BEHIND_LABELS, type BehindLabels } from './flow/labels';
export { PacketRewriter, type PacketRewriterOptions } from './rewriting/packet-rewriter';
export { WordCache } from './rewriting/word-cache';
export { OuterHeaders, type OuterHeadersOptions } from './flow/outer-headers';
export { ConsistentSplit, MOVED } from './bricks/consistent-split';
export { FLOW_WORD_COUNTERS, FlowMemory, flowWords, type FlowWordOptions } from './bricks/flow-words';
export {
  DESTINATION_COUNTERS, DESTINATION_GAUGES, HEALTH_OPTIONS, NEXT_HOP_OPTIONS, checkHealthOptions, destinationAddresses, givenNextHop, needsWatch, type HealthOptions, type NextHopOptions,
} from './destinations/destination-options';
export { DestinationSplit } from './destinations/destination-split';
export { findNextHop, type NextHop } from './destinations/next-hop';
export { probeFor, type Probe } from './destinations/probes';
export { watchDestinations, type DestinationNews, type DestinationStatus, type DestinationWatch, type WatchOptions } from './destinations/watch-destinations';
export { LINE_FILE_OPTIONS, LineOutput, lineOutputs, type LineOptions, type LineOutputs, type LineSource } from './lines/line-outputs';
export type { LineDestination } from './lines/line-destination';
export type { Line, LineReceiver } from './lines/line-receiver';
export { FlowKey, icmpCounterpart } from './metering/flow-key';
export { FLOW_TABLE_WORDS, FlowEntries, FlowTable, type FlowKeeper } from './metering/flow-table';
export { tickAfter } from './metering/timing-wheel';
export { RecordRing } from './metering/record-ring';
export { PUMP_STOP_MILLISECONDS, RecordPump, type PumpOptions, type RecordSink } from './metering/record-pump';
export { METER_DESCRIPTION, METER_OPTIONS } from './metering/meter-options';
export { METERING, exportFlows, type FlowExporter } from './metering/metering';
export { ACTIVE, ENDED, FORCED, IDLE, RESOURCES, FlowRecord, type Backward } from './metering/flow-record';
export { MeterMemory } from './metering/meter-memory';
export { communityId } from './metering/community-id';
export { sumOfFilling, sumOfPacket } from './flow/packet-sum';
export { FrameWriter, fragmentField } from './flow/frame-writer';
export { hardwareAddressOption, ipAddressOption, optionError } from './model/address-options';
export { formatIpAddress, hardwareAddressBytes, hostAndPort, ipAddressWords, type HostAndPort } from './model/ip-address';
export type { GivenOptions, OptionDeclaration, OptionDeclarations, OptionProperties, OptionsOf, OptionValues } from './model/options';
export * from './model/packet-batch';
export type { EngineProfile, ProfileOptions, ProfilePart } from './control/profile-engine';
export { DROP_REASONS, type DropReason } from './model/drop-reasons';
export { FAULT_KINDS, type EngineFault, type EngineOutcome, type FaultKind, type NoticeLevel, type ReportedFault } from './model/outcome';
export type { Audit, BrickStatistics, EngineStatistics, LinkStatistics } from './control/statistics';
export { ENGINE_OPTIONS, LINK_OPTIONS, type BackendName, type LinkOptions, type PacketEngineOptions } from './control/engine-options';
export { PacketEngine } from './control/packet-engine';
export { engines } from './control/process-engines';
export { onReload } from './control/module-reading';
export { EngineRegistry } from './control/engine-registry';
export * from './plugins/backend-options';
export { registerBackend, registerBrick, allBackends, resolveBackend } from './plugins/container';
export { brickClass } from './plugins/find';
export { defaultBackend, loopback, setDefaultBackend } from './plugins/default-backend';
export * from './bricks';
export { attach, type AttachOptions, type PipeReader } from './pipes';
export { readCaptureFile, writeCaptureFile, type CapturedPacket } from './files';
export { decodePacket, type LoopbackBackend, type LoopbackPacket, type NetmapOptions, type PcapOptions } from './plugins/built-in';
export { SOURCE_ENDED } from './model/backend';
export { LINK_BYTES, LINK_PACKETS, addToCounter, type CounterBlock } from './model/counters';
export { DiscardingSinks } from './traffic/discarding-sinks';
export { Pace } from './traffic/pace';
export { PACE_OPTIONS, PacedSource, type PaceOptions, type PacketMaker, type SourceClock } from './traffic/paced-source';
export { Popularity } from './traffic/popularity';
export { Random, mixedWord } from './traffic/random';
export type { Backend, BackendStatus, DeviceInformation, LinkPlan, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from './model/backend';
export { connect, type ConnectOptions, type ConnectTlsOptions } from './client/connect';
export type { Daemon } from './client/daemon';
export type { CommandName, CommandParameters, CommandResult, Notice, TopicName, TopicParameters, TopicValue } from './protocol/commands';
export type { DaemonInformation, ReloadReport } from './protocol/commands/program';
export type { DescribedBrick, ListedBrick, ListedEngine, NamedAudit } from './protocol/commands/engines';
