/** The parts of the suite that V8 could break, under the other versions of Node that the package promises to work with. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAJORS, nodeOf } from '../../tools/nodes/index.cjs';
import { flowPacket } from '../support/loopback-engine';
import { PROGRAM } from '../support/program';
import { writeCapture } from '../support/write-capture';

const execute = promisify(execFile);
const root = join(__dirname, '../..');
const runner = require.resolve('jest/bin/jest');
const PARTS = ['test/engine/conservation', 'test/engine/steadiness', 'test/engine/life', 'test/v8'];
/** Enough for what a compiler may break; the running version has the rest. */
const ENVIRONMENT = { ...process.env, BRICKS_TEST_RUNS: '10', NODE_OPTIONS: '', FORCE_COLOR: '0' };

const folder = mkdtempSync(join(tmpdir(), 'bricks-versions-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly message: string }[];
}

/** Without what jest says, and without a notice that engines give where a busy machine keeps a test from feeding them for a second. */
function withoutExpected(text: string): string {
  return text.replace(/^Test results written to: .*\n/m, '').replace(/^.*BricksWarning: .*: Nothing arrives on .*\n(\(Use .*\n)?/gm, '');
}

/** A busy machine gets its time: the parts take 15 s of CPU. */
const LIMIT_MILLISECONDS = 240_000;

const running = Number(process.versions.node.split('.')[0]);

describe.each(MAJORS.filter((major) => major !== running))('under Node %d', (major) => {
  const node = nodeOf(major);
  const withNode = node === undefined ? test.skip : test.concurrent;

  withNode('engines lose nothing, keep steady and live as they do here, and nothing is written to standard error', async () => {
    const results = join(folder, `${major}.json`);
    const words = [runner, ...PARTS, '--runInBand', `--reporters=${join(root, 'test/support/silent-reporter.cjs')}`, '--json', '--outputFile', results];
    const { stderr } = await execute(node!, words, { cwd: root, env: ENVIRONMENT, timeout: LIMIT_MILLISECONDS - 10_000 }).catch((error: { stderr: string }) => error);
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(results, 'utf8')) as Results;
    expect({ failed: numFailedTests, messages: testResults.map(({ message }) => message).join('') }).toEqual({ failed: 0, messages: '' });
    expect(numPassedTests).toBeGreaterThan(30);
    expect(withoutExpected(stderr)).toBe('');
  }, LIMIT_MILLISECONDS);

  withNode('the program plays a file by a Lua script, and writes lines of its own only', async () => {
    const capture = writeCapture(join(folder, `${major}.pcap`), Array.from({ length: 100 }, (_, number) => flowPacket(number, number)));
    const script = join(folder, `${major}.lua`);
    writeFileSync(script, `PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("${capture}"):connect_output("${folder}/${major}-0.pcap", "${folder}/${major}-1.pcap")):start()`);
    const { stdout, stderr } = await execute(node!, [PROGRAM, '--backend', 'loopback', '-f', script], { env: ENVIRONMENT, timeout: LIMIT_MILLISECONDS - 10_000 });
    expect(stdout).toBe('');
    expect(stderr).toBe('bricks: e0: 100 packets received, 0 dropped\n');
  }, LIMIT_MILLISECONDS);
});
