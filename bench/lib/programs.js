/** Programs that run beside each other and say lines of JSON. */
'use strict';
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const { existsSync } = require('node:fs');
const { peer } = require('./paths');

const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

/** On which CPU: generators have the first for themselves, where there are two. */
function pinned(cpu, command, words) {
  return cpu === undefined || !existsSync('/usr/bin/taskset') ? [command, words] : ['taskset', ['-c', String(cpu), command, ...words]];
}

class Program {
  constructor(name, words, { cpu, environment } = {}) {
    const [command, all] = pinned(cpu, name.includes('/') ? name : peer(name), words.map(String));
    this.name = name;
    this.child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    running.add(this.child);
    this.lines = [];
    this.errors = '';
    this.child.stderr.on('data', (data) => { this.errors += data; });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line));
      this.hear?.();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', () => {
        running.delete(this.child);
        this.over = true;
        this.hear?.();
        resolve();
      });
    });
  }

  /** Its next line. */
  async line() {
    while (this.lines.length === 0) {
      if (this.over) throw new Error(`${this.name} ended: ${this.errors.trim()}`);
      await new Promise((resolve) => { this.hear = resolve; });
    }
    return this.lines.shift();
  }

  /** What it says when it is asked. */
  ask() {
    this.child.kill('SIGUSR1');
    return this.line();
  }

  async end() {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

/** Runs one to its end; its last line. */
async function runProgram(name, words, options) {
  const program = new Program(name, words, options);
  const line = await program.line();
  await program.ended;
  return line;
}

module.exports = { Program, runProgram };
