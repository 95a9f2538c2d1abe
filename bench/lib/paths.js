/** Where the built parts lie: BRICKS_DIST and BRICKS_NATIVE_DIR name others than the checkout's own. */
'use strict';
const { join } = require('node:path');

const root = join(__dirname, '..', '..');
const dist = process.env.BRICKS_DIST || join(root, 'dist');
const native = process.env.BRICKS_NATIVE_DIR || join(root, 'build', 'Release');
process.env.BRICKS_NATIVE_DIR = native;

module.exports = {
  root,
  dist,
  native,
  results: join(root, 'bench', 'results'),
  addon: (name) => require(join(native, `${name}.node`)),
  peer: (name) => join(native, name),
};
