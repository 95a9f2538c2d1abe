/** Options that several commands have. */
import { Option } from 'clipanion';
import { isInteger, isInInclusiveRange, cascade, isNumber } from 'typanion';
import { MAXIMUM_BATCH_ROWS } from '../model/packet-batch';

/** `-b PACKETS`. */
export const batchOption = () => Option.String('-b,--batch', {
  description: `packets in a batch, 1 to ${MAXIMUM_BATCH_ROWS}`,
  validator: cascade(isNumber(), [isInteger(), isInInclusiveRange(1, MAXIMUM_BATCH_ROWS)]),
});

/** Which daemon: `-a ADDRESS`. */
export const addressOption = () => Option.String('-a,--address', { description: 'the daemon: unix:/path/to/socket, HOST:PORT or :PORT; default: the socket in the runtime directory' });
/** Which daemon: `--name NAME`. */
export const daemonNameOption = () => Option.String('--name', { description: 'the name of the daemon; default: $BRICKS_NAME, or else bricks' });
/** Which daemon: `--run-dir DIRECTORY`. */
export const runDirectoryOption = () => Option.String('--run-dir', { description: 'its runtime directory; default: $BRICKS_RUN_DIR, or else /run/bricks for root and $XDG_RUNTIME_DIR/bricks for others' });
