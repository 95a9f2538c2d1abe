import { DROP, defineBrick } from 'packet-bricks';
import { CryptoPan } from './crypto-pan.js';
import { readKey } from './key.js';
import { PacketAnonymizer, SHORTEST } from './packet-anonymizer.js';

/** Replaces addresses and removes payloads. */
export const Anonymizer = defineBrick({
  name: 'Anonymizer',
  summary: 'Replaces addresses, prefixes preserved, and removes payloads.',
  description: [
    'IP addresses are replaced by Crypto-PAn: two that begin with the same bits become two that do, the same one always becomes the same one, and only who has the key can find it again. So are those in ARP, in ICMP errors and neighbor discovery, in routing headers, and inside of tunnels (IP in IP, GRE, PPTP, ERSPAN, VXLAN and VXLAN-GPE, GENEVE, GTP-U, MPLS, PPPoE).',
    'MAC addresses are replaced the same way; the bits for groups and local addresses stay, and so do broadcasts. Tags and their numbers, ports and lengths stay. IP and TCP options that may tell where a packet came from are emptied.',
    '',
    'What follows the headers is removed: packets are cut (their length on the wire stays), or zeroed with their length kept, or left as it is if you ask for that. What the brick does not know (other protocols, other tunnels, frames without IP or ARP) counts as payload, and never stays. Packets of link types that it can\'t read are dropped.',
    '',
    'Checksums are right as with a payload of zeros; with `keep`, they are changed by what was changed, so that a wrong one stays wrong. UDP without a checksum stays without one, and one that is left to the interface stays so. Where a first fragment does not tell the length, and in SCTP, it is 0.',
    'Addresses are worked out once and remembered, so many of each kind in bounded memory (some 60 bytes for each). One that is new takes some 2 µs (IPv4) or 7 µs (IPv6).',
  ].join('\n'),
  options: {
    key: { type: 'string', secret: true, description: 'the key: 64 hexadecimal digits' },
    keyFile: { type: 'string', description: 'the file that holds the key: 32 bytes, or 64 hexadecimal digits' },
    payload: { type: 'string', oneOf: ['remove', 'zero', 'keep'], default: 'remove', description: 'what to do with the bytes after the headers: cut them off, zero them, or keep them' },
    macs: { type: 'string', oneOf: ['replace', 'vendor', 'keep'], default: 'replace', description: 'what becomes of MAC addresses: replaced, replaced but for the vendor (the first three bytes), or kept' },
    addresses: { type: 'integer', default: 65_536, minimum: 16, maximum: 16_777_216, description: 'how many addresses of each kind are remembered' },
  },
  shorthand: 'keyFile',
  outputs: 1,
  edits: true,
  counters: { addresses: 'addresses that were not remembered, and worked out', unreadable: 'packets of link types that it can\'t read, which are dropped' },
  check: (options) => void readKey(options),
  state: ({ key, keyFile, addresses, macs, payload }, { log, rehearsing }) => {
    const crypto = new CryptoPan(readKey({ key, keyFile }, rehearsing ? undefined : (text) => log.warn(text)), addresses);
    return { crypto, anonymizer: new PacketAnonymizer(crypto, macs, payload) };
  },
  choose: (packets, { payload }, context) => {
    const { memory, offset, length, wireLength, batch } = packets;
    const { edit } = context;
    const addresses = context.counter('addresses');
    const unreadable = context.counter('unreadable');
    return (row, { crypto, anonymizer }) => {
      const begin = offset[row];
      const end = begin + length[row];
      const before = crypto.computed;
      const kept = anonymizer.run(memory, begin, length[row], wireLength[row], batch.linkType);
      if (kept < 0) {
        unreadable.add(1);
        return DROP;
      }
      if (crypto.computed !== before) addresses.add(crypto.computed - before);
      if (payload === 'remove' && kept < end) edit.truncate(row, Math.max(kept - begin, SHORTEST));
      return 0;
    };
  },
  examples: {
    lua: 'a = Brick.new("Anonymizer", {keyFile = "anonymizer.key"})\na:connect_input("eth3")\na:connect_output("anonymous.pcap")',
    typescript: "new Anonymizer({ keyFile: 'anonymizer.key' }).connectInput('eth3').connectOutput('anonymous.pcap')",
  },
});
