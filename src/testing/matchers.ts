/** The assertions as matchers of jest and vitest: `expect.extend(matchers)`, once. */
import { AssertionError } from 'node:assert';
import { expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder, expectToLeaveUnchanged, expectToMatchCapture } from './assertions';
import type { TestPacket } from './packets';
import type { TestBrick } from './test-brick';

interface Verdict { readonly pass: boolean; message(): string }

function verdict(what: string, check: () => void): Verdict {
  try {
    check();
    return { pass: true, message: () => `Expected it not ${what}, but it does.` };
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    return { pass: false, message: () => error.message };
  }
}

export const matchers = {
  toConserve: (run: TestBrick): Verdict => verdict('to conserve packets', () => expectToConserve(run)),
  toKeepFlowsTogether: (run: TestBrick): Verdict => verdict('to keep flows together', () => expectToKeepFlowsTogether(run)),
  toKeepOrder: (run: TestBrick): Verdict => verdict('to keep order', () => expectToKeepOrder(run)),
  toLeaveUnchanged: (run: TestBrick): Verdict => verdict('to leave packets unchanged', () => expectToLeaveUnchanged(run)),
  toMatchCapture: (packets: readonly TestPacket[], file: string): Verdict => verdict(`to match ${file}`, () => expectToMatchCapture(packets, file)),
};

/** What the matchers are called with, for the types of a runner's `expect`. */
export interface BrickMatchers<Result = void> {
  /** Every packet that went in came out, was dropped with a reason, or is held. */
  toConserve(): Result;
  /** The packets of a TCP or UDP connection leave by the same output. */
  toKeepFlowsTogether(): Result;
  /** Packets of a flow leave an output in the order in which they came. */
  toKeepOrder(): Result;
  /** Every packet that comes out is one that went in, byte for byte. */
  toLeaveUnchanged(): Result;
  /** These are the packets of a capture file. */
  toMatchCapture(file: string): Result;
}
