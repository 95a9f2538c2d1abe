/** Options that several commands have. */
import { Option } from 'clipanion';
import { isInteger, isInInclusiveRange, cascade, isNumber } from 'typanion';
import { MAXIMUM_BATCH_ROWS } from '../model/packet-batch';

/** `-b PACKETS`. */
export const batchOption = () => Option.String('-b,--batch', {
  description: `packets in a batch, 1 to ${MAXIMUM_BATCH_ROWS}`,
  validator: cascade(isNumber(), [isInteger(), isInInclusiveRange(1, MAXIMUM_BATCH_ROWS)]),
});
