import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { CONSTANT_PORTS, HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE, flowHash, flowWord } from '../../src/flow/hash';
import { besideCaptures, describeWithCaptures, readCapture, type CapturedPacket } from '../support/captures';
import { hashOf } from './support';

const KEY = Buffer.from('506d506d506d506d506d506d506d506dcb2b5a5ab4307baea32dcb770cf230803bb7426afa01acbe', 'hex');

/** The Toeplitz hash as it is defined: for each bit of the input that is set, the 32 bits of the key from there. */
function toeplitzBitByBit(input: Uint8Array): number {
  const key = BigInt(`0x${KEY.toString('hex')}`);
  const keyBits = BigInt(KEY.length * 8);
  let hash = 0n;
  for (let bit = 0; bit < input.length * 8; bit++) {
    if (input[bit >> 3] & (0x80 >> (bit & 7))) hash ^= (key >> (keyBits - 32n - BigInt(bit))) & 0xffffffffn;
  }
  return Number(hash);
}

const word32 = fc.integer({ min: 0, max: 0xffffffff });
const word16 = fc.integer({ min: 0, max: 0xffff });

test('the folded hash is the Toeplitz hash bit by bit', () => {
  fc.assert(fc.property(word32, word32, word32, fc.integer({ min: 0, max: 70_000 }), (source, destination, ports, seed) => {
    const input = Buffer.alloc(12);
    input.writeUInt32BE(source, 0);
    input.writeUInt32BE(destination, 4);
    input.writeUInt16BE(((ports >>> 16) + seed) & 0xffff, 8);
    input.writeUInt16BE((ports + seed) & 0xffff, 10);
    const folded = source ^ destination;
    const addresses = ((folded >>> 16) ^ folded) & 0xffff;
    expect(flowHash(flowWord(addresses, ports, seed))).toBe(toeplitzBitByBit(input));
  }), { numRuns: 2000 });
});

test('the flow word is the same with the ports exchanged', () => {
  fc.assert(fc.property(word16, word16, word16, word16, (addresses, source, destination, seed) => {
    const there = flowWord(addresses, ((source << 16) | destination) >>> 0, seed);
    expect(flowWord(addresses, ((destination << 16) | source) >>> 0, seed)).toBe(there);
    expect(there).toBe(there & 0xffff);
  }));
});

test('the hash of a word is the XOR of what stands in the tables for its bytes', () => {
  const wrong = Array.from({ length: 65_536 }, (_, word) => word).find((word) => ((HASHES_OF_HIGH_BYTE[word >>> 8] ^ HASHES_OF_LOW_BYTE[word & 0xff]) >>> 0) !== flowHash(word));
  expect(wrong).toBeUndefined();
});

test('each hash belongs to one word only, and words spread evenly over any number of outputs', () => {
  const hashes = new Set(Array.from({ length: 65_536 }, (_, word) => flowHash(word)));
  expect(hashes.size).toBe(65_536);
  for (const outputs of [2, 3, 4, 5, 8, 10, 30, 100, 1000]) {
    const counts = new Uint32Array(outputs);
    for (const hash of hashes) counts[hash % outputs]++;
    const mean = 65_536 / outputs;
    expect(Math.min(...counts)).toBeGreaterThan(mean * 0.7);
    expect(Math.max(...counts)).toBeLessThan(mean * 1.3);
  }
});

test('constant ports are those of the original', () => {
  expect(CONSTANT_PORTS).toBe(0xfdff * 65_536 + 0xfeff);
});

describeWithCaptures('hashes of the original', (folder) => {
  const rows = readFileSync(besideCaptures(folder, 'flow-hash-vectors.csv'), 'utf8').trim().split('\n').slice(1).map((line) => line.split(','));
  const captures = new Map<string, CapturedPacket[]>();

  test('the table of vectors is not empty', () => expect(rows.length).toBeGreaterThan(400));

  test.each([...new Set(rows.map((row) => row[0]))])('%s', (name) => {
    for (const [capture, number, kind, ...hashes] of rows.filter((row) => row[0] === name)) {
      const packets = captures.get(capture) ?? readCapture(join(folder, capture));
      captures.set(capture, packets);
      const { bytes, linkType } = packets[Number(number) - 1];
      const ours = [
        hashOf(bytes, { linkType, tuple: 2 }, 1), hashOf(bytes, { linkType }, 1), hashOf(bytes, { linkType }, 2), hashOf(bytes, { linkType }, 3),
      ];
      expect([number, kind, ...ours]).toEqual([number, kind, ...hashes.map(Number)]);
    }
  });
});
