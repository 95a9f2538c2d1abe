/** Pipes of the backends that have none of their own: rings in shared memory, between engines and programs. */
export { NativeTransmitter, PipePorts } from './pipe-ports';
export { DEFAULT_RING_SIZE, discardPipes, PIPE_OPTIONS, preparePipes, type PreparedPipe, type PreparedPipes } from './prepare';
