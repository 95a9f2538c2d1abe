/** One capture file of an engine: its options, its plan, and the ring between the engine and the writer. */
import type { SinkRequest } from '../model/backend';
import { SNAP_LENGTH, type CaptureFormat } from './formats';
import type { Guardian } from './guardian';
import {
  CONTROL_WORDS, STATE_FILE_SECONDS, STATE_NUMBERS, STATE_PCAPNG, STATE_ROTATE_BYTES, STATE_ROTATE_SECONDS, STATE_SNAP_LENGTH, STATE_UNIT,
  type EncodedFile, type RecorderMessage,
} from './record-encoder';
import { FileDescription } from './file-description';
import { PROBLEM_BYTES, type RecordFilePlan } from './record-plan';
import { RecordFile } from './recorder-files';
import { isStandardOutput } from './target-file';

/** A packet of 1 MiB fits. */
const BUFFER_BYTES = 2 << 20;
/** As much as a capture buffer holds unless told otherwise: after a stall all of that comes at once. */
const LIVE_BUFFER_BYTES = 32 << 20;
/** Frames of 64 KiB, as offloads make them, fit. */
const LEAST_BUFFER_BYTES = 1 << 17;
/** All files of an engine together, unless bufferBytes says otherwise. */
const ALL_BUFFER_BYTES = 256 << 20;

export interface Sink extends EncodedFile {
  readonly plan: RecordFilePlan;
  readonly file: RecordFile;
  /** Of the graph that has it. */
  request: SinkRequest;
  /** The device and file number, once it is open. */
  identity: string;
  /** As messages call it. */
  readonly name: string;
  /** What was already taken over from the recorder's counts. */
  failedPackets: number;
  failedBytes: number;
  errorNumber: number;
  lost: number;
  /** What the user was told already. */
  readonly said: Set<string>;
}

function formatOf(request: SinkRequest): CaptureFormat {
  const { format } = request.options;
  if (format === 'pcap' || format === 'pcapng') return format;
  return /\.(pcapng|ntar)$/i.test(request.link.device) ? 'pcapng' : 'pcap';
}

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}

export function createSink(request: SinkRequest, slot: number, count: number, guardian: Guardian | undefined, live: boolean, tell: (message: RecorderMessage) => void): Sink {
  const { options } = request;
  const format = formatOf(request);
  const share = 2 ** Math.floor(Math.log2(ALL_BUFFER_BYTES / count));
  const wanted = typeof options['bufferBytes'] === 'number' ? options['bufferBytes'] : Math.max(LEAST_BUFFER_BYTES, Math.min(live ? LIVE_BUFFER_BYTES : BUFFER_BYTES, share));
  const bytes = new Uint8Array(new SharedArrayBuffer(powerOfTwo(wanted)));
  const control = new Uint32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  const snapLength = typeof options['snapLength'] === 'number' ? options['snapLength'] : SNAP_LENGTH;
  const rotateBytes = options['rotateBytes'];
  const rotateSeconds = options['rotateSeconds'];
  const plan: RecordFilePlan = {
    path: isStandardOutput(request.link.device) ? '-' : request.link.device, format, nanoseconds: options['nanoseconds'] !== false, snapLength, slot, bytes, control,
    problem: new Uint8Array(new SharedArrayBuffer(PROBLEM_BYTES)),
    rotates: rotateBytes !== undefined || rotateSeconds !== undefined,
  };
  const state = new Float64Array(STATE_NUMBERS);
  state[STATE_PCAPNG] = format === 'pcapng' ? 1 : 0;
  state[STATE_UNIT] = format === 'pcap' && !plan.nanoseconds ? 1000 : 1;
  state[STATE_SNAP_LENGTH] = snapLength;
  state[STATE_ROTATE_BYTES] = typeof rotateBytes === 'number' ? rotateBytes : Infinity;
  state[STATE_ROTATE_SECONDS] = typeof rotateSeconds === 'number' ? rotateSeconds : Infinity;
  state[STATE_FILE_SECONDS] = -1;
  return {
    request, plan, slot, tell, ring: { bytes, control, state }, file: new RecordFile(plan, guardian), name: plan.path === '-' ? 'Standard output' : plan.path,
    description: new FileDescription({ ...plan, rotateBytes: state[STATE_ROTATE_BYTES] }),
    identity: '', failedPackets: 0, failedBytes: 0, errorNumber: 0, lost: 0, said: new Set(),
  };
}
