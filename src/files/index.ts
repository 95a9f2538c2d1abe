/** Capture files: reading, writing, and as links of an engine. */
export { readCaptureFile, writeCaptureFile, encodeCapture, type CapturedPacket, type ReadOptions, type WriteOptions } from './capture-file';
export { CaptureReader } from './capture-reader';
export { FilePorts } from './file-ports';
export { FILE_SINK_OPTIONS, FileTransmitter } from './file-sink';
export { FILE_SOURCE_OPTIONS, FileSource } from './file-source';
