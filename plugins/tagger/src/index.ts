import { DROP, defineBrick } from 'packet-bricks';

const TAG_BYTES = 4;
const TAG_AT = 12;
const CUSTOMER_TAG = 0x8100;
const SERVICE_TAG = 0x88a8;
const OLD_TAG = 0x9100;
const ETHERNET = 1;
/** What stays of a tag where only its number is set: priority and drop eligibility. */
const PRIORITY_BITS = 0xf000;

function isTag(type: number): boolean {
  return type === CUSTOMER_TAG || type === SERVICE_TAG || type === OLD_TAG;
}

/** Adds, changes or removes VLAN tags. */
export const Tagger = defineBrick({
  name: 'Tagger',
  summary: 'Adds, changes or removes the outermost VLAN tag.',
  description: [
    '`add` puts a tag in front of all others: with one Tagger for each interface, each with its own number, the tag says where a packet came from. `set` gives the outermost tag this number and priority; packets without a tag get one.',
    '`remove` takes the outermost tag off; with `all`, all of them.',
    'Frames that are too short, and link types other than Ethernet, stay as they are (`others`). A packet that finds no room to grow is dropped and counted (`noRoom`).',
  ].join('\n'),
  options: {
    action: { type: 'string', oneOf: ['add', 'set', 'remove'], default: 'add', description: 'what is done' },
    vlan: { type: 'integer', default: 1, minimum: 0, maximum: 4094, description: 'the number of the tag' },
    priority: { type: 'integer', default: -1, minimum: -1, maximum: 7, description: 'the priority of the tag; -1 keeps that of a tag that is set, and is 0 for a new one' },
    service: { type: 'boolean', default: false, description: 'new tags are service tags (0x88a8) instead of 0x8100' },
    all: { type: 'boolean', default: false, description: 'remove all tags' },
  },
  shorthand: 'vlan',
  outputs: 1,
  edits: true,
  headroom: TAG_BYTES,
  counters: { tagged: 'packets that got a tag', changed: 'packets whose tag was changed', removed: 'tags that were removed', others: 'packets that were left alone', noRoom: 'packets that had no room for a tag' },
  choose: (packets, { action, vlan, priority, service, all }, context) => {
    const { memory, offset, length, batch } = packets;
    const { edit } = context;
    const [tagged, changed, removed, others, noRoom] = (['tagged', 'changed', 'removed', 'others', 'noRoom'] as const).map((name) => context.counter(name));
    const type = service ? SERVICE_TAG : CUSTOMER_TAG;
    const fresh = (Math.max(0, priority) << 13) | vlan;

    const add = (row: number): number => {
      if (!edit.insert(row, TAG_AT, TAG_BYTES)) {
        noRoom.add(1);
        return DROP;
      }
      memory.view.setUint16(offset[row] + TAG_AT, type);
      memory.view.setUint16(offset[row] + TAG_AT + 2, fresh);
      tagged.add(1);
      return 0;
    };
    return (row) => {
      const captured = length[row];
      if (captured < TAG_AT + 2 || batch.linkType !== ETHERNET) {
        others.add(1);
        return 0;
      }
      if (action === 'add') return add(row);
      const hasTag = captured >= TAG_AT + TAG_BYTES + 2 && isTag(memory.view.getUint16(offset[row] + TAG_AT));
      if (action === 'set') {
        if (!hasTag) return add(row);
        const at = offset[row] + TAG_AT + 2;
        memory.view.setUint16(at, priority < 0 ? (memory.view.getUint16(at) & PRIORITY_BITS) | vlan : fresh);
        changed.add(1);
        return 0;
      }
      if (!hasTag) others.add(1);
      for (let more = hasTag; more; more = all && length[row] >= TAG_AT + TAG_BYTES + 2 && isTag(memory.view.getUint16(offset[row] + TAG_AT))) {
        edit.remove(row, TAG_AT, TAG_BYTES);
        removed.add(1);
      }
      return 0;
    };
  },
  examples: {
    lua: 't = Brick.new("Tagger", {vlan = 103})\nt:connect_input("eth3")\nt:connect_output("eth9")',
    typescript: "new Tagger({ vlan: 103 }).connectInput('eth3').connectOutput('eth9')",
  },
});
