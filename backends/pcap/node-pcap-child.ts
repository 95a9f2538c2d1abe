/**
 * The process in which node-pcap captures one interface, started by fallback.ts. A separate process, since
 * node-pcap holds its event loop while packets come, and never lets go of a session on an idle interface.
 *
 * Argument: a JSON of ChildTask. Writes what became of opening to the status file, then records to standard
 * output: seconds, nanoseconds, captured length, length on the wire (32 bits each), bytes. A record whose
 * captured length is STATISTICS tells in `seconds` how many packets the kernel lost so far.
 */
import '../../src/native/no-debugger';
import { renameSync, writeFileSync, writeSync } from 'node:fs';
import { messageOf } from '../../src/model/errors';
import { linkTypeNumber, tryNodePcap, type NodePcapPacket, type NodePcapSession } from '../../src/native/node-pcap';
import { RECORD_BYTES, STATISTICS, type ChildStatus, type ChildTask } from './node-pcap-records';

const BUFFER_BYTES = 256 * 1024;
const LONGEST_RECORD = RECORD_BYTES + 262_144;
const STATISTICS_MILLISECONDS = 250;

class Recorder {
  private readonly buffer = Buffer.alloc(BUFFER_BYTES + LONGEST_RECORD + RECORD_BYTES);
  private used = 0;
  private statisticsAt = 0;

  constructor(private readonly session: NodePcapSession) {
    session.on('packet', (packet) => this.take(packet));
    setInterval(() => this.writeOut(), STATISTICS_MILLISECONDS);
  }

  private take({ buf, header }: NodePcapPacket): void {
    const captured = Math.min(header.readUInt32LE(8), buf.length);
    this.append(header.readUInt32LE(0), header.readUInt32LE(4) * 1000, captured, Math.max(captured, header.readUInt32LE(12)));
    this.used += buf.copy(this.buffer, this.used, 0, captured);
    if (this.used >= BUFFER_BYTES) this.writeOut();
    else if (this.used === RECORD_BYTES + captured) setImmediate(() => this.writeOut());
  }

  private append(...words: readonly number[]): void {
    for (const word of words) this.used = this.buffer.writeUInt32LE(word, this.used);
  }

  /** Waits while the reader is slow: the kernel then drops, and counts. */
  private writeOut(): void {
    const now = Date.now();
    if (now >= this.statisticsAt) {
      this.statisticsAt = now + STATISTICS_MILLISECONDS;
      this.append(this.session.stats().ps_drop >>> 0, 0, STATISTICS, 0);
    }
    for (let at = 0; at < this.used;) {
      try {
        at += writeSync(1, this.buffer, at, this.used - at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(0);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
    this.used = 0;
  }
}

function run(task: ChildTask): void {
  const tell = (status: ChildStatus): void => {
    writeFileSync(`${task.status}.new`, JSON.stringify(status));
    renameSync(`${task.status}.new`, task.status);
  };
  try {
    const pcap = tryNodePcap();
    if (!pcap) throw new Error('the npm package pcap does not load');
    pcap.warningHandler = () => undefined;
    const session = pcap.createSession(task.device, task.options);
    new Recorder(session);
    tell({ linkType: linkTypeNumber(session.link_type) });
  } catch (error) {
    tell({ error: messageOf(error) });
    process.exit(1);
  }
  // Its parent is gone, or wants it gone.
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
}

run(JSON.parse(process.argv[2]) as ChildTask);
