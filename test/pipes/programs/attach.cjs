// `bricks attach` without its command line: the command as JSON.
const { runAttach } = require('../../../dist/src/pipes');
runAttach(JSON.parse(process.argv[2])).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`${error.code} ${error.message}\n`);
    process.exit(1);
  },
);
