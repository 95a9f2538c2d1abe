/** What a record of NetFlow v9 and IPFIX holds: information elements, by the numbers that IANA keeps, and templates of them. */
import type { Backward, FlowRecord } from 'packet-bricks';

/** Where reverse elements of bidirectional flows are numbered (RFC 5103). */
const REVERSE = 29_305;
/** Says in a template that the number of an enterprise follows. */
const ENTERPRISE = 0x8000;

export interface Field {
  readonly id: number;
  readonly length: number;
  /** The enterprise that numbers it, if not IANA. */
  readonly enterprise?: number;
  /** `boot`: milliseconds that NetFlow v9 counts times from. */
  write(to: Buffer, at: number, record: FlowRecord, backward: Backward, boot: number): void;
}

export interface Template {
  readonly id: number;
  readonly fields: readonly Field[];
  /** Of a record. */
  readonly length: number;
  /** The template as it is sent to collectors. */
  readonly bytes: Buffer;
}

type Reader = (record: FlowRecord, backward: Backward, boot: number) => number;

function number(id: number, length: number, read: Reader): Field {
  return {
    id, length,
    write(to, at, record, backward, boot) {
      const value = read(record, backward, boot);
      if (length === 8) to.writeUInt32BE(Math.floor(value / 2 ** 32), at);
      to.writeUIntBE(value % 2 ** 32, at + Math.max(0, length - 4), Math.min(length, 4));
    },
  };
}

/** Source and destination change places in a record of the way back. */
function address(id: number, words: number, ofDestination: boolean): Field {
  return {
    id, length: 4 * words,
    write(to, at, record, backward) {
      for (let word = 0; word < words; word++) to.writeInt32BE(record.addressWord(ofDestination !== backward, word), at + 4 * word);
    },
  };
}

function isIcmp({ protocol, ipVersion }: FlowRecord): boolean {
  return protocol === (ipVersion === 4 ? 1 : 58);
}

/** ICMP has its type and code as destination port, as collectors expect it. */
function port(id: number, ofDestination: boolean): Field {
  return number(id, 2, (record, backward) => {
    if (isIcmp(record)) return ofDestination ? record.icmp(backward) : 0;
    return ofDestination !== backward ? record.destinationPort : record.sourcePort;
  });
}

const milliseconds = (microseconds: number): number => Math.floor(microseconds / 1000);
/** Since the boot, turning round after 49 days, as a router's do. */
const uptime = (microseconds: number, boot: number): number => Math.max(0, milliseconds(microseconds) - boot) % 2 ** 32;

const ADDRESSES = { 4: [address(8, 1, false), address(12, 1, true)], 6: [address(27, 4, false), address(28, 4, true)] };
const KEYS = [port(7, false), port(11, true), number(4, 1, ({ protocol }) => protocol), number(60, 1, ({ ipVersion }) => ipVersion), number(58, 2, ({ vlan }) => vlan)];
const COUNTS = [number(1, 8, (record, backward) => record.bytes(backward)), number(2, 8, (record, backward) => record.packets(backward))];
const FLAGS = [number(6, 1, (record, backward) => record.tcpFlags(backward)), number(5, 1, (record, backward) => record.classOfService(backward))];
const REASON = number(136, 1, ({ reason }) => reason);
const UPTIMES = [number(22, 4, (record, backward, boot) => uptime(record.start(backward), boot)), number(21, 4, (record, backward, boot) => uptime(record.end(backward), boot))];
const TIMES = [number(152, 8, (record, backward) => milliseconds(record.start(backward))), number(153, 8, (record, backward) => milliseconds(record.end(backward)))];
const icmp = (id: number): Field => number(id, 2, (record, backward) => (isIcmp(record) ? record.icmp(backward) : 0));
/** Who began a connection is known: its source. */
const DIRECTION = number(239, 1, () => 1);

const reverse = (field: Field): Field => ({ ...field, enterprise: REVERSE, write: (to, at, record, backward, boot) => field.write(to, at, record, !backward, boot) });

function template(id: number, fields: readonly Field[]): Template {
  const told = fields.flatMap((field) => (field.enterprise === undefined ? [field.id, field.length] : [field.id | ENTERPRISE, field.length, 0, field.enterprise]));
  const bytes = Buffer.alloc(4 + 2 * told.length);
  [id, fields.length, ...told].forEach((word, index) => bytes.writeUInt16BE(word, 2 * index));
  return { id, fields, bytes, length: fields.reduce((sum, { length }) => sum + length, 0) };
}

/** Templates of a protocol, by IP version. */
export interface Templates {
  readonly oneWay: Readonly<Record<number, Template>>;
  /** Both directions in one record, where the protocol can say that. */
  readonly twoWay?: Readonly<Record<number, Template>>;
}

export const NETFLOW_TEMPLATES: Templates = {
  oneWay: {
    4: template(256, [...ADDRESSES[4], icmp(32), ...KEYS, ...COUNTS, ...FLAGS, ...UPTIMES, REASON]),
    6: template(257, [...ADDRESSES[6], icmp(32), ...KEYS, ...COUNTS, ...FLAGS, ...UPTIMES, REASON]),
  },
};

// ICMP's code before the ports: nfdump 1.7 takes it for the destination port of any protocol but TCP and UDP, until that comes.
const IPFIX_KEYS = { 4: [...ADDRESSES[4], icmp(32), ...KEYS], 6: [...ADDRESSES[6], icmp(139), ...KEYS] };
const IPFIX_VALUES = [...COUNTS, ...FLAGS, ...TIMES];
// The way back comes first: nfdump 1.7 takes the times that come last.
const BOTH_WAYS = [...IPFIX_VALUES.map(reverse), ...IPFIX_VALUES, REASON, DIRECTION];

export const IPFIX_TEMPLATES: Templates = {
  oneWay: { 4: template(256, [...IPFIX_KEYS[4], ...IPFIX_VALUES, REASON]), 6: template(257, [...IPFIX_KEYS[6], ...IPFIX_VALUES, REASON]) },
  twoWay: { 4: template(258, [...IPFIX_KEYS[4], ...BOTH_WAYS]), 6: template(259, [...IPFIX_KEYS[6], ...BOTH_WAYS]) },
};
