/** Pipes for backends without pipes: rings in shared memory, between engines and programs. */
export { NativeTransmitter, PipePorts } from './pipe-ports';
export { awaitExpectedReaders, DEFAULT_RING_SIZE, discardPipes, pipesWithout, preparePipes, type PreparedPipe, type PreparedPipes } from './prepare';
export { isWritten } from './open-pipe';
export { attach, openReaders, PipeReader, type AttachOptions } from './pipe-reader';
export { attachToStream, copyToStream, encodePcapHeader, type PcapFormat, type StreamOptions, type StreamResult } from './pcap-stream';
export { runAttach, type AttachCommand } from './run-attach';
export { unreadPackets, type UnreadPackets } from './unread';
export { busyPipeError, readableEnds } from './pipe-name';
export { withRings, type RingFill, type RingReader } from './ring-fill';
