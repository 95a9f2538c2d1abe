/** Commands about the daemon itself, and about the connection to it. */
import type { Access } from '../declare';
import { command } from '../declare';
import { structured } from '../parameters';

/** What a daemon says of itself. */
export interface DaemonInformation {
  /** Version of Packet Bricks. */
  readonly version: string;
  /** Version of the protocol; it changes when old clients would not understand any more. */
  readonly protocol: number;
  /** The number of its process. */
  readonly pid: number;
  /** What sets it apart from other daemons of this machine. */
  readonly name: string;
  /** When it started: ISO 8601, UTC. */
  readonly startedAt: string;
  /** The backend of engines that name none. */
  readonly backend: string;
  /** The script that it runs, if it has one. */
  readonly script?: string;
  /** What this client may do. */
  readonly access: Access;
}

/** What a reload has changed. */
export interface ReloadReport {
  /** Engines that are new. */
  readonly added: readonly string[];
  /** Engines that were linked again, since their bricks or options changed. */
  readonly changed: readonly string[];
  /** Engines that the script does not make any more. */
  readonly removed: readonly string[];
  /** Engines that went on as they were. */
  readonly kept: readonly string[];
}

export const PROGRAM_COMMANDS = {
  'daemon.information': command<DaemonInformation>()({
    access: 'read', summary: 'Tell which daemon this is.', result: 'version, protocol, pid, name, startedAt, backend, script, and the access that this client has',
    parameters: {}, immediate: true,
  }),
  'daemon.reload': command<ReloadReport>()({
    access: 'control', summary: 'Read the script again and change what has changed.', result: 'the names of engines that were added, changed, removed and kept',
    parameters: {},
  }),
  'daemon.shutdown': command<null>()({
    access: 'control', summary: 'Stop all engines, close all files and end the daemon.', result: 'nothing; the daemon ends after the answer',
    parameters: {},
  }),
  authenticate: command<{ readonly access: Access }>()({
    access: 'read', summary: 'Show the token that a TCP connection may need, as its first request.', result: 'the access that the token gives, as `access`',
    parameters: { token: { type: 'string', required: true, description: 'what stands in the token file' } }, connection: true,
  }),
  restrict: command<null>()({
    access: 'read', summary: 'Give up control: from now on this connection may only read.', result: 'nothing', parameters: {}, connection: true,
  }),
  subscribe: command<{ readonly subscription: number }>()({
    access: 'read', summary: 'Subscribe to a topic.', result: 'the number of the subscription, which its notifications bear',
    parameters: {
      topic: { type: 'string', required: true, description: 'what to subscribe to' },
      parameters: structured<Readonly<Record<string, unknown>>>()({ type: 'table', description: 'parameters of the topic' }),
    },
    connection: true,
  }),
  unsubscribe: command<null>()({
    access: 'read', summary: 'End a subscription.', result: 'nothing; no notification of it follows the answer',
    parameters: { subscription: { type: 'integer', required: true, description: 'its number' } }, connection: true, immediate: true,
  }),
} as const;
