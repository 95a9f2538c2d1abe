/** Programs of others, where they are installed. */
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

exports.installed = (command) => (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin').some((directory) => existsSync(join(directory, command)));
