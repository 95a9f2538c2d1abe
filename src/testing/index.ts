/**
 * Bricks in tests, in any test runner:
 *
 *     import { runBrick, ethernet, ipv4, udp } from 'packet-bricks/testing';
 *
 *     const run = await runBrick(new BySize({ limit: 200 }), [ethernet({}, ipv4({}, udp({}, 'short')))]);
 *     assert.equal(run.outputs[1].length, 1);
 */
export * from './frames';
export * from './conversation';
export * from './captures';
export { expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder, expectToLeaveUnchanged, expectToMatchCapture } from './assertions';
export { matchers, type BrickMatchers } from './matchers';
export type { GivenPacket, TestPacket } from './packets';
export type { Provision } from '../plugins/engine-container';
export { TestBrick, runBrick, type TestBrickOptions } from './test-brick';
export { TestSource, type TestSourceOptions } from './test-source';
export { flowOf, viewOf } from './view-of';
export { benchBrick, type BenchOptions, type BenchReport, type BenchWarning } from './bench-brick';
export { fuzzBrick, type FuzzOptions, type FuzzReport } from './fuzz-brick';
