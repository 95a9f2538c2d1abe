'use strict';
/** Makes the completion of bash, zsh and fish from the commands: dist/bundle/completion/NAME, which `bricks completion NAME` prints. */
const { mkdirSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { bashScript } = require('./completion/bash.cjs');
const { fishScript } = require('./completion/fish.cjs');
const { model } = require('./completion/model.cjs');
const { zshScript } = require('./completion/zsh.cjs');

function writeCompletion() {
  const folder = join(dirname(__dirname), 'dist', 'bundle', 'completion');
  mkdirSync(folder, { recursive: true });
  const made = model();
  for (const [name, script] of Object.entries({ bash: bashScript, zsh: zshScript, fish: fishScript })) writeFileSync(join(folder, name), script(made));
}

module.exports = { writeCompletion };

if (require.main === module) writeCompletion();
