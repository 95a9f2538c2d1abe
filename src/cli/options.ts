/** Options that several commands have. */
import { Option } from 'clipanion';
import { isInteger, isInInclusiveRange, cascade, isNumber } from 'typanion';
import { MAXIMUM_BATCH_ROWS } from '../model/packet-batch';

/** `-b PACKETS`. */
export const batchOption = () => Option.String('-b,--batch', {
  description: `packets in a batch, 1 to ${MAXIMUM_BATCH_ROWS}`,
  validator: cascade(isNumber(), [isInteger(), isInInclusiveRange(1, MAXIMUM_BATCH_ROWS)]),
});

/** `--backend NAME`, for engines that run. */
export const backendOption = () => Option.String('--backend', { description: 'netmap, pcap, loopback, or the backend of a plugin' });

/** `-o NAME=VALUE`. */
export const backendOptionsOption = () => Option.Array('-o,--option', { description: 'a backend option, NAME=VALUE; may be repeated' });

/** `--plugin PATH`, beside those that are installed. */
export const pluginsOption = () => Option.Array('--plugin', { description: 'a plugin, or a folder of plugins, to use beside those that are installed; may be repeated' });

/** `--web ADDRESS` and its token. */
export const webOption = () => Option.String('--web', { description: 'serve a page that shows the engines at this address: HOST:PORT, or PORT of 127.0.0.1; other hosts need a token' });
export const webTokenOption = () => Option.String('--web-token-file', { description: 'file with the token that the page asks for' });
/** `--metrics ADDRESS`. */
export const metricsOption = () => Option.String('--metrics', { description: 'serve metrics for Prometheus at this address: HOST:PORT, or PORT of 127.0.0.1' });

/** `-v`. */
export const verboseOption = () => Option.Boolean('-v,--verbose', false, { description: 'say which backend was chosen and why' });
