/** What a brick can be expected to do, whatever it is for. Each throws an AssertionError that says which packet it is about. */
import { AssertionError } from 'node:assert';
import { readCaptureFile } from '../files/capture-file';
import type { TestPacket } from './packets';
import type { TestBrick } from './test-brick';
import { flowOf } from './view-of';

function fail(message: string): never {
  throw new AssertionError({ message });
}

/** A packet is known by its time stamp: every packet of a test has one of its own, unless the test gave it another. */
function timeOf({ seconds, nanoseconds }: TestPacket): string {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

function hexOf({ bytes }: TestPacket): string {
  const shown = bytes.subarray(0, 64).toString('hex');
  return bytes.length > 64 ? `${shown}... (${bytes.length} bytes)` : shown;
}

/** Which packets that went in one that came out may be, by their numbers: those of its time, and of them those of its bytes if there are any. */
function originsIn({ input }: TestBrick): (packet: TestPacket) => number[] {
  const numbers = new Map<string, number[]>();
  input.forEach((packet, number) => {
    const known = numbers.get(timeOf(packet));
    if (known) known.push(number);
    else numbers.set(timeOf(packet), [number]);
  });
  return (packet) => {
    const same = numbers.get(timeOf(packet)) ?? [];
    const equal = same.length < 2 ? same : same.filter((number) => input[number].bytes.equals(packet.bytes));
    return equal.length > 0 ? equal : same;
  };
}

/** Every packet that went in came out, was dropped with a reason, or is held: received + copies + created = sent + dropped + held. */
export function expectToConserve(run: TestBrick): void {
  const { audit, input, outputs } = run;
  const wrong = audit.lines.find(({ balanced }) => !balanced);
  if (wrong) fail(`Packets are not conserved: ${wrong.text}`);
  if (audit.received !== input.length) fail(`${input.length} packets were sent in, and ${audit.received} were received.`);
  const sent = outputs.reduce((sum, { length }) => sum + length, 0);
  if (audit.sent !== sent) fail(`${sent} packets came out, and ${audit.sent} were counted.`);
}

/** No flow is spread over several outputs: the packets of a TCP or UDP connection leave by the same one, in both directions. */
export function expectToKeepFlowsTogether(run: TestBrick): void {
  const homes = new Map<string, number>();
  const { input } = run;
  const originsOf = originsIn(run);
  run.outputs.forEach((packets, output) => {
    for (const packet of packets) {
      const number = originsOf(packet).at(0);
      const flow = number === undefined ? undefined : flowOf(input[number]);
      if (flow === undefined) continue;
      const home = homes.get(flow);
      if (home === undefined) homes.set(flow, output);
      else if (home !== output) fail(`The flow ${flow} leaves by output ${home}, but its packet ${number} by output ${output}: ${hexOf(packet)}`);
    }
  });
}

/** Packets of a flow leave an output in the order in which they came. */
export function expectToKeepOrder(run: TestBrick): void {
  const { input } = run;
  const originsOf = originsIn(run);
  run.outputs.forEach((packets, output) => {
    const last = new Map<string, number>();
    for (const packet of packets) {
      const same = originsOf(packet);
      if (same.length === 0) continue; // made by the brick
      const flow = flowOf(input[same[0]]) ?? '';
      const before = last.get(flow) ?? -1;
      const number = same.find((one) => one > before);
      if (number === undefined) fail(`Output ${output} got packet ${same[same.length - 1]} after packet ${before}, which came later: ${hexOf(packet)}`);
      last.set(flow, number);
    }
  });
}

/** Every packet that comes out is one that went in, byte for byte. */
export function expectToLeaveUnchanged(run: TestBrick): void {
  const { input } = run;
  const originsOf = originsIn(run);
  run.outputs.forEach((packets, output) => {
    for (const packet of packets) {
      const same = originsOf(packet);
      if (same.some((number) => input[number].bytes.equals(packet.bytes) && input[number].wireLength === packet.wireLength)) continue;
      const what = same.length === 0 ? 'a packet that did not go in' : `packet ${same[0]}, which went in as ${hexOf(input[same[0]])}, as`;
      fail(`Output ${output} got ${what} ${hexOf(packet)}`);
    }
  });
}

/** An output has the packets of a capture file: bytes, lengths, and times to the unit of the file. */
export function expectToMatchCapture(packets: readonly TestPacket[], file: string): void {
  const expected = [...readCaptureFile(file)];
  expected.forEach((one, number) => {
    const packet = packets[number];
    if (packet === undefined) fail(`Packet ${number} of ${file} did not come out: there are ${packets.length}, and ${expected.length} in the file.`);
    if (!packet.bytes.equals(one.bytes) || packet.wireLength !== one.wireLength) fail(`Packet ${number} is ${hexOf(packet)}, and in ${file} it is ${hexOf({ ...packet, bytes: Buffer.from(one.bytes) })}`);
    const near = one.nanoseconds % 1000 === 0 ? 1000 : 1;
    if (packet.seconds !== one.seconds || Math.trunc(packet.nanoseconds / near) !== Math.trunc(one.nanoseconds / near)) fail(`Packet ${number} is of ${timeOf(packet)}, and in ${file} of ${one.seconds}.${String(one.nanoseconds).padStart(9, '0')}`);
  });
  if (packets.length > expected.length) fail(`${packets.length} packets came out, and ${file} has ${expected.length}. The first that is too many: ${hexOf(packets[expected.length])}`);
}
