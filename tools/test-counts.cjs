'use strict';
/** A reporter of jest that writes how many tests passed into the file that the variable names. (`--json` writes errors too, and gives up at one that refers to itself.) */
const { writeFileSync } = require('node:fs');

module.exports = class {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests }) {
    const counts = { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, skipped: numPendingTests + numTodoTests };
    writeFileSync(process.env.BRICKS_TEST_COUNTS, JSON.stringify(counts));
  }
};
