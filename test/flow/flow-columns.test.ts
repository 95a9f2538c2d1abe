/** Holds src/flow/native/flow_columns.h equal to src/flow, and to its promise not to read past a packet. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createPacketBatch, packetMemory, FLOW_NOT_COMPUTED } from '../../src/model/packet-batch';
import { parseFlow } from '../../src/flow/parse';
import { FlowFields } from '../../src/flow/flow-fields';
import { flowFiller } from '../../src/flow/flow-columns';
import { mayEncapsulate } from '../../src/flow/tunnels';
import { captureNames, capturesFolder, readCapture } from '../support/captures';
import { bytesOf } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';

const HEADERS = ['flow/native', 'native'].flatMap((folder) => ['-I', resolve(__dirname, '../../src', folder)]);

/** Reads packets, each behind its length in 32 bits, into buffers of just that size; writes 7 bytes for each. */
const PROGRAM = `
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "flow_columns.h"
int main() {
  uint32_t length;
  while (fread(&length, sizeof length, 1, stdin) == 1) {
    uint8_t* packet = static_cast<uint8_t*>(malloc(length));
    if (length && fread(packet, 1, length, stdin) != length) return 1;
    uint16_t addresses = 0;
    uint32_t ports = 0;
    uint8_t record[7];
    const int32_t word = bricks::FlowColumns(packet, length, &addresses, &ports);
    record[0] = static_cast<uint8_t>(word >> 16);
    memcpy(record + 1, &addresses, 2);
    memcpy(record + 3, &ports, 4);
    fwrite(record, 1, sizeof record, stdout);
    free(packet);
  }
}
`;

const compiler = [process.env.CXX ?? 'g++', 'c++', 'clang++'].find((name) => spawnSync(name, ['--version']).status === 0);

/** Numbers below `limit`, the same in every run. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function packetsToCompare(): Buffer[] {
  const packets = SAMPLES.map(bytesOf);
  const folder = capturesFolder();
  if (folder !== undefined) {
    for (const name of captureNames(folder)) {
      for (const { bytes, linkType } of readCapture(join(folder, name))) if (linkType === 1) packets.push(bytes);
    }
  }
  const random = randomNumbers(2016);
  const whole = packets.length;
  for (let round = 0; round < 40_000; round++) {
    const bytes = Buffer.from(packets[random(2) ? random(SAMPLES.length) : random(whole)]);
    for (let changes = random(4); changes > 0; changes--) bytes[random(Math.min(bytes.length, 64))] = random(256);
    packets.push(bytes.subarray(0, random(3) ? bytes.length : random(Math.min(bytes.length, 100) + 1)));
  }
  for (let round = 0; round < 2_000; round++) packets.push(Buffer.from(Array.from({ length: random(80) }, () => random(256))));
  return packets;
}

const describeWithCompiler = compiler === undefined ? describe.skip : describe;

describeWithCompiler(`flow columns in native code${compiler === undefined ? ' (skipped: no C++ compiler)' : ''}`, () => {
  let folder: string;
  let packets: Buffer[];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bricks-flow-columns-'));
    packets = packetsToCompare();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function run(name: string, flags: string[]): Buffer {
    const source = join(folder, `${name}.cc`);
    const program = join(folder, name);
    writeFileSync(source, PROGRAM);
    execFileSync(compiler ?? 'c++', ['-std=c++17', '-Wall', '-Wextra', '-Werror', ...flags, ...HEADERS, '-o', program, source]);
    const input = Buffer.concat(packets.flatMap((packet) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(packet.length);
      return [length, packet];
    }));
    return execFileSync(program, { input, maxBuffer: packets.length * 7 + 4096 });
  }

  test('the same as TypeScript’s for every packet, and as parseFlow for every one that is computed', () => {
    const records = run('plain', ['-O2']);
    expect(records).toHaveLength(packets.length * 7);
    const batch = createPacketBatch(1);
    batch.memory = packetMemory(new ArrayBuffer(1 << 18));
    const flow = new FlowFields();
    let computed = 0;
    packets.forEach((packet, index) => {
      batch.memory.bytes.set(packet, 0);
      batch.length[0] = packet.length;
      flowFiller(batch)(batch, 0, 1);
      const native = [records[index * 7], records.readUInt16LE(index * 7 + 1), records.readUInt32LE(index * 7 + 3)];
      if (native[0] !== batch.flowWord[0] >>> 16) throw new Error(`kind ${native[0]} and ${batch.flowWord[0] >>> 16} for ${packet.toString('hex')}`);
      if (native[0] === FLOW_NOT_COMPUTED) return;
      computed++;
      expect(native).toEqual([batch.flowWord[0] >>> 16, batch.flowAddresses[0], batch.flowPorts[0]]);
      for (const tuple of [2, 4] as const) {
        for (const inner of [false, true]) {
          if (inner && mayEncapsulate(native[2])) continue;
          parseFlow(batch.memory, 0, packet.length, 1, tuple, inner, flow);
          expect([flow.kind, flow.addresses, flow.ports, flow.fragment]).toEqual([...native, 0]);
        }
      }
    });
    expect(computed).toBeGreaterThan(5_000);
  });

  test('never reads past a packet', () => {
    const flags = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const probe = spawnSync(compiler ?? 'c++', [...flags, '-x', 'c++', '-o', join(folder, 'probe'), '-'], { input: 'int main() {}' });
    if (probe.status !== 0) {
      console.warn('skipped: this compiler has no sanitizers');
      return;
    }
    expect(run('sanitized', flags)).toHaveLength(packets.length * 7);
  });
});
