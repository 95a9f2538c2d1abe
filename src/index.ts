/**
 * Packet Bricks for TypeScript.
 *
 *     import { LoadBalancer, PacketEngine } from 'packet-bricks';
 *
 *     const engine = new PacketEngine('e0', { backend: 'pcap' });
 *     await engine.link(new LoadBalancer({ tuple: 4 }).connectInput('eth3').connectOutputs('eth3', 4));
 *     await engine.start();
 */
export { BricksError } from './core/errors';
export { parseLinkName, type LinkName } from './core/link-name';
export { BrickDescription, brickClass, type BrickClass } from './core/brick-description';
export { callLoop, type LoopFactory } from './v8/specialise';
export type { Brick, BrickContext, BrickDeclaration, BrickModule, EngineClock, Fanout } from './core/brick';
export type { OptionDeclaration, OptionValues } from './core/options';
export * from './core/packet-batch';
export * from './core/packet-list';
export { DROP_REASONS, type DropReason } from './core/drop-reasons';
export { FAULT_KINDS, type EngineFault, type EngineOutcome, type FaultKind, type ReportedFault } from './core/outcome';
export type { Audit, BrickStatistics, EngineStatistics, LinkStatistics } from './core/statistics';
export { ENGINE_OPTIONS, type LinkOptions, type PacketEngineOptions } from './control/engine-options';
export { PacketEngine } from './control/packet-engine';
export { engines } from './control/process-engines';
export { EngineRegistry } from './control/engine-registry';
export { registerBackend, registerBrick, allBackends, resolveBackend } from './plugins/container';
export { defaultBackend, loopback, setDefaultBackend } from './plugins/default-backend';
export * from './bricks';
export { attach, type AttachOptions, type PipeReader } from './pipes';
export { readCaptureFile, writeCaptureFile, type CapturedPacket } from './files';
export { decodePacket } from '../backends/pcap';
export type { LoopbackBackend, LoopbackPacket } from '../backends/loopback';
export type { Backend, BackendStatus, DeviceInformation, LinkPlan, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from './core/backend';
