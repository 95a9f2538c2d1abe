/** Flow records in datagrams: NetFlow v9 (RFC 3954) and IPFIX (RFC 7011). */
import type { Backward, FlowRecord, MeterMemory } from 'packet-bricks';
import { IPFIX_TEMPLATES, NETFLOW_TEMPLATES, type Template } from './fields.js';

const FORMS = {
  netflow9: { version: 9, headerBytes: 20, templateSet: 0, templates: NETFLOW_TEMPLATES },
  ipfix: { version: 10, headerBytes: 16, templateSet: 2, templates: IPFIX_TEMPLATES },
};
export type ExportProtocol = keyof typeof FORMS;

export interface DatagramOptions {
  readonly protocol: ExportProtocol;
  /** Bytes of a datagram, at most. */
  readonly bytes: number;
  /** Tells this exporter from others of the same address. */
  readonly domain: number;
  /** Templates are repeated after so many seconds. */
  readonly templateSeconds: number;
}

export type ExportTimes = Pick<MeterMemory, 'time' | 'began'>;

const SET_HEADER = 4;
/** Templates are repeated in each datagram of so many, too: one of them may get lost. */
const TEMPLATE_DATAGRAMS = 32;
/** How long an exporter was up, in milliseconds, when it saw its first packet: packets that arrive late may be older. */
const UPTIME_BEFORE = 60_000;

function paddedTo4(length: number): number {
  return (length + 3) & ~3;
}

export class DatagramWriter {
  /** Datagrams that are whole. */
  private done: Buffer[] = [];
  private buffer: Buffer;
  private at = 0;
  /** Where the open set begins; 0 without one. */
  private set = 0;
  private setId = 0;
  /** Records of the datagram: all for NetFlow, those of data for IPFIX. */
  private records = 0;
  private dataRecords = 0;
  private sequence = 0;
  private datagrams = 0;
  private templatesAt = -Infinity;
  private readonly form: (typeof FORMS)[ExportProtocol];
  private readonly templates: readonly Template[];

  constructor(private readonly options: DatagramOptions, private readonly times: ExportTimes, bidirectional: boolean, private readonly now: () => number = Date.now) {
    this.form = FORMS[options.protocol];
    const { oneWay, twoWay } = this.form.templates;
    this.templates = [...Object.values(oneWay), ...(bidirectional && twoWay ? Object.values(twoWay) : [])];
    this.buffer = Buffer.alloc(options.bytes);
  }

  /** One record of a flow in both directions where the protocol has such, otherwise one for each direction that has packets. */
  add(record: FlowRecord): void {
    const { oneWay, twoWay } = this.form.templates;
    const { ipVersion } = record;
    const forward = record.packets(false) > 0;
    const backward = record.packets(true) > 0;
    if (forward && backward && twoWay) this.write(twoWay[ipVersion], record, false);
    else {
      if (forward) this.write(oneWay[ipVersion], record, false);
      if (backward) this.write(oneWay[ipVersion], record, true);
    }
  }

  /** All datagrams, the last one as it is. */
  take(): Buffer[] {
    this.finish();
    const { done } = this;
    this.done = [];
    return done;
  }

  /** What NetFlow v9 counts milliseconds from. */
  private get boot(): number {
    return Math.floor(this.times.began / 1e6) * 1000 - UPTIME_BEFORE;
  }

  private write(template: Template, record: FlowRecord, backward: Backward): void {
    const isOpen = (): boolean => this.at > 0 && this.set > 0 && this.setId === template.id;
    const room = (isOpen() ? 0 : SET_HEADER) + 3 + template.length;
    if (this.at === 0) this.begin();
    if (paddedTo4(this.at) + room > this.options.bytes) {
      const hadTemplates = this.dataRecords === 0;
      this.finish();
      if (hadTemplates) this.beginPlain();
      else this.begin();
    }
    if (!isOpen()) this.openSet(template.id);
    const { boot } = this;
    for (const field of template.fields) {
      field.write(this.buffer, this.at, record, backward, boot);
      this.at += field.length;
    }
    this.records++;
    this.dataRecords++;
  }

  private begin(): void {
    this.beginPlain();
    const seconds = this.now() / 1000;
    if (this.datagrams++ % TEMPLATE_DATAGRAMS !== 0 && seconds - this.templatesAt < this.options.templateSeconds) return;
    this.templatesAt = seconds;
    for (const template of this.templates) this.writeTemplate(template);
  }

  private beginPlain(): void {
    this.at = this.form.headerBytes;
    this.records = this.dataRecords = this.set = 0;
  }

  private writeTemplate(template: Template): void {
    // What does not fit goes into a separate datagram.
    if (this.at + SET_HEADER + template.bytes.length > this.options.bytes) {
      this.finish();
      this.beginPlain();
    }
    if (this.set === 0 || this.setId !== this.form.templateSet) this.openSet(this.form.templateSet);
    this.at += template.bytes.copy(this.buffer, this.at);
    this.records++;
  }

  private openSet(id: number): void {
    this.closeSet();
    this.set = this.at;
    this.setId = id;
    this.buffer.writeUInt16BE(id, this.at);
    this.at += SET_HEADER;
  }

  private closeSet(): void {
    if (this.set === 0) return;
    const end = paddedTo4(this.at);
    this.buffer.fill(0, this.at, end);
    this.at = end;
    this.buffer.writeUInt16BE(end - this.set, this.set + 2);
    this.set = 0;
  }

  private finish(): void {
    if (this.at === 0) return;
    this.closeSet();
    const { buffer, at, options: { domain, bytes }, form: { version } } = this;
    buffer.writeUInt16BE(version, 0);
    // A whole second, so that the boot that a collector works out is exact; none before the packets' times.
    const seconds = Math.ceil(this.times.time / 1e6) % 2 ** 32;
    if (version === 9) {
      buffer.writeUInt16BE(this.records, 2);
      // A clock may have been set back since.
      buffer.writeUInt32BE(Math.max(0, seconds * 1000 - this.boot) % 2 ** 32, 4);
      buffer.writeUInt32BE(seconds, 8);
      buffer.writeUInt32BE(this.sequence, 12);
      buffer.writeUInt32BE(domain, 16);
      this.sequence = (this.sequence + 1) >>> 0;
    } else {
      buffer.writeUInt16BE(at, 2);
      buffer.writeUInt32BE(seconds, 4);
      buffer.writeUInt32BE(this.sequence, 8);
      buffer.writeUInt32BE(domain, 12);
      this.sequence = (this.sequence + this.dataRecords) >>> 0;
    }
    this.done.push(buffer.subarray(0, at));
    this.buffer = Buffer.alloc(bytes);
    this.at = 0;
  }
}
