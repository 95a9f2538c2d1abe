'use strict';
/** A reporter that prints nothing: what then stands on standard error, tests or what they test have written. */
module.exports = class SilentReporter {};
