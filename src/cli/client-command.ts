/** Commands that talk to a running daemon: which one it is, and how they get in. */
import { Command, Option } from 'clipanion';
import type { ConnectOptions } from '../client/connect';

/** The options that take a value: names and descriptions. */
const VALUED = {
  address: ['-a,--address', 'the daemon: unix:/path/to/socket, HOST:PORT or :PORT; default: the socket in the runtime directory'],
  daemonName: ['--name', 'the name of the daemon; default: $BRICKS_NAME, or else bricks'],
  runDirectory: ['--run-dir', 'its runtime directory; default: $BRICKS_RUN_DIR, or else /run/bricks for root and $XDG_RUNTIME_DIR/bricks for others'],
  tokenFile: ['--token-file', 'a file with the token that the daemon wants over TCP'],
  tlsCa: ['--tls-ca', "a file with the authorities that may have signed the daemon's certificate; default: the well-known ones"],
  tlsCert: ['--tls-cert', 'a file with the certificate of this client'],
  tlsKey: ['--tls-key', 'a file with its key'],
} as const;

type ValuedOption = keyof typeof VALUED;

/** The options as they were given. */
export type DaemonChoice = { readonly [Name in ValuedOption]?: string | undefined } & { readonly tls?: boolean };

/** Where the value of an option belongs, by each of its names. */
export const DAEMON_OPTIONS: ReadonlyMap<string, ValuedOption> = new Map(
  (Object.keys(VALUED) as ValuedOption[]).flatMap((option) => VALUED[option][0].split(',').map((name) => [name, option] as const)),
);

/** One of them. */
export const daemonOption = (option: ValuedOption) => Option.String(VALUED[option][0], { description: VALUED[option][1] });

/** What `connect` takes. Files for TLS imply it. */
export function connectOptions({ address, daemonName, runDirectory, tokenFile, tls, tlsCa, tlsCert, tlsKey }: DaemonChoice): ConnectOptions {
  const usesTls = tls === true || [tlsCa, tlsCert, tlsKey].some((file) => file !== undefined);
  return { address, name: daemonName, runDirectory, tokenFile, tls: usesTls ? { authorities: tlsCa, certificate: tlsCert, key: tlsKey } : undefined };
}

/** A command with all of them. */
export abstract class ClientCommand extends Command implements DaemonChoice {
  address = daemonOption('address');
  daemonName = daemonOption('daemonName');
  runDirectory = daemonOption('runDirectory');
  tokenFile = daemonOption('tokenFile');
  tls = Option.Boolean('--tls', false, { description: 'use TLS, over TCP; the options below imply it' });
  tlsCa = daemonOption('tlsCa');
  tlsCert = daemonOption('tlsCert');
  tlsKey = daemonOption('tlsKey');
}
