/** Capture files as sources and sinks of engines. */
export { FilePorts } from './file-ports';
export { FILE_SOURCE_OPTIONS } from './file-source';
export { FILE_SINK_OPTIONS } from './file-sink';
