/** Addresses among the options of a brick, as numbers, with what is wrong with them said as for other options. */
import { BricksError } from './errors';
import { hardwareAddressBytes, ipAddressWords } from './ip-address';

/** What is wrong with the options of a brick beyond what their declarations say, for its `check` to throw: `Encapsulator: the option "id" is ...`. */
export function optionError(brick: string, problem: string, remedy = ''): BricksError {
  return new BricksError('E_OPTION', `${brick}: ${problem}.`, remedy);
}

/** The words of the IP address in an option: one of IPv4, four of IPv6. @throws BricksError E_OPTION */
export function ipAddressOption(brick: string, option: string, text: string): readonly number[] {
  const words = ipAddressWords(text);
  if (!words) throw optionError(brick, `the option "${option}" has "${text}"; it must be an IP address, such as 10.0.0.1 or fd00::1`);
  return words;
}

/** The 6 bytes of the MAC address in an option, if there is one. @throws BricksError E_OPTION */
export function hardwareAddressOption(brick: string, option: string, text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : hardwareAddressBytes(text);
  if (text !== undefined && !bytes) throw optionError(brick, `the option "${option}" is "${text}"; it must be a MAC address, such as 02:00:00:00:00:01`);
  return bytes;
}
