/** What users read when an interface can't be opened: what is wrong and what to do. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { BricksError, messageOf, nearest } from '../../src/model/errors';
import { HOW_TO_GET_PRIVILEGE, hasCapability } from '../../src/native/capabilities';
import { filterError } from '../../src/filter/filter-expression';
import { statusOf } from './native';

/** libpcap's status numbers (pcap.h). */
const PCAP_ERROR_NO_SUCH_DEVICE = -5;
const PCAP_ERROR_PERMISSION_DENIED = -8;
const PCAP_ERROR_INTERFACE_NOT_UP = -9;
const PCAP_ERROR_PROMISCUOUS_PERMISSION_DENIED = -11;

export function permissionError(device: string, what: string): BricksError {
  const missing = hasCapability('CAP_NET_RAW') === false ? ': this process lacks CAP_NET_RAW' : '';
  return new BricksError('E_PERMISSION', `You are not allowed to ${what} ${device}${missing}.`, HOW_TO_GET_PRIVILEGE);
}

export function noDeviceError(device: string, names: readonly string[]): BricksError {
  if (existsSync(device)) return new BricksError('E_NO_DEVICE', `There is no interface ${device}.`, `If you mean the file of that name, write ./${device}.`);
  const guess = nearest(device, names);
  const known = names.length > 12 ? `${names.slice(0, 12).join(', ')}, ...` : names.join(', ');
  const remedy = guess ? `Did you mean ${guess}?` : names.length > 0 ? `There are: ${known}.` : '';
  return new BricksError('E_NO_DEVICE', `There is no interface ${device}.`, remedy);
}

export function deviceDownError(device: string): BricksError {
  return new BricksError('E_DEVICE_DOWN', `The interface ${device} is down.`, `Bring it up with: ip link set ${device} up.`);
}

/** What libpcap said at opening a capture. */
export function captureError(device: string, filter: string, error: unknown, names: readonly string[]): BricksError {
  switch (statusOf(error)) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return noDeviceError(device, names);
    case PCAP_ERROR_PERMISSION_DENIED:
    case PCAP_ERROR_PROMISCUOUS_PERMISSION_DENIED:
      return permissionError(device, 'capture on');
    case PCAP_ERROR_INTERFACE_NOT_UP:
      return deviceDownError(device);
    case 0:
      return filterError(filter, 'filter', messageOf(error));
    default:
      return textualError(device, 'capture on', messageOf(error), names);
  }
}

/** What the system said at opening an interface for sending. */
export function sendError(device: string, error: unknown, names: readonly string[]): BricksError {
  switch (statusOf(error)) {
    case constants.errno.ENODEV:
    case constants.errno.ENXIO:
      return noDeviceError(device, names);
    case constants.errno.EPERM:
    case constants.errno.EACCES:
      return permissionError(device, 'send on');
    default:
      return textualError(device, 'send on', messageOf(error), names);
  }
}

/** Where there is nothing but words: node-pcap's errors, and the rarer ones of libpcap. */
export function textualError(device: string, what: string, text: string, names: readonly string[]): BricksError {
  if (/permission|not permitted|must be root/i.test(text)) return permissionError(device, what);
  if (/no such device/i.test(text)) return noDeviceError(device, names);
  if (/is not up|network is down/i.test(text)) return deviceDownError(device);
  const remedy = /memory|rx ring/i.test(text) ? 'Use a smaller bufferBytes.' : '';
  return new BricksError('E_BACKEND', `Packet Bricks can't ${what} ${device}: ${text}.`, remedy);
}
