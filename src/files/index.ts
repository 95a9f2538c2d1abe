/** Capture files: reading, writing, and as links of an engine. */
export { readCaptureFile, writeCaptureFile, encodeCapture, type CapturedPacket, type ReadOptions, type WriteOptions } from './capture-file';
export { CaptureReader } from './capture-reader';
export { FilePorts } from './file-ports';
export { FileTransmitter } from './file-sink';
export { FileSource } from './file-source';
