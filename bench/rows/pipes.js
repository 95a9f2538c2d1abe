/** A pipe between two processes: its reader in TypeScript, beside one in C++ of the same ring. */
'use strict';
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { contest } = require('../lib/contest');
const { makeMemoryDirectory } = require('../lib/memory');
const { dist, peer } = require('../lib/paths');
const { Program, runProgram } = require('../lib/programs');

const WRITER_CPU = 0;
const READER_CPU = 1;
const TASKSET = '/usr/bin/taskset';

/** One process for all rounds, as a reader that has been at it for a while. */
function typeScriptReader(link) {
  const program = join(__dirname, '..', 'children', 'read-pipe.js');
  const child = existsSync(TASKSET) ? fork(program, { execPath: TASKSET, execArgv: ['-c', String(READER_CPU), process.execPath] }) : fork(program);
  return {
    name: 'TypeScript, attach()',
    async round(packets) {
      child.send({ link, packets });
      const [{ result, error }] = await once(child, 'message');
      if (error) throw new Error(error);
      return result;
    },
    close: () => child.disconnect(),
  };
}

function nativeReader(words) {
  return { name: 'C++', round: (packets) => runProgram('bench_pipe', ['read', ...words, '--packets', packets], { cpu: READER_CPU }), close: () => undefined };
}

const pipes = {
  name: 'pipe-reader',
  title: 'a pipe between processes, 64 bytes: the reader',
  mark: { least: 0.8 },
  missing: () => (existsSync(peer('bench_pipe')) ? undefined : 'the programs beside were not built'),
  async run({ rounds, scale }) {
    const runDirectory = makeMemoryDirectory();
    const before = process.env.BRICKS_RUN_DIRECTORY;
    process.env.BRICKS_RUN_DIRECTORY = runDirectory;
    const { parseLinkName } = require(`${dist}/src/model/link-name.js`);
    const { pipeDirectory, pipeFileName } = require(`${dist}/src/pipes/pipe-name.js`);
    const { coreAddon } = require(`${dist}/src/native/core-addon.js`);
    const words = ['--directory', pipeDirectory(coreAddon()), '--pipes', pipeFileName(parseLinkName('bench{0'))];
    const writer = new Program('bench_pipe', ['write', ...words], { cpu: WRITER_CPU });
    const readers = [typeScriptReader('bench}0'), nativeReader(words)];
    try {
      await writer.line();
      const results = await contest(readers, { rounds, packets: Math.round(20_000_000 * scale) });
      const [script, native] = results;
      return {
        results,
        ratio: native.cpu.median / script.cpu.median,
        beside: native.name,
        figures: [{ name: 'packets a second, of those of C++', text: (native.wall.median / script.wall.median).toFixed(2) }],
      };
    } finally {
      for (const reader of readers) reader.close();
      await writer.end();
      rmSync(runDirectory, { recursive: true, force: true });
      if (before === undefined) delete process.env.BRICKS_RUN_DIRECTORY;
      else process.env.BRICKS_RUN_DIRECTORY = before;
    }
  },
};

module.exports = [pipes];
