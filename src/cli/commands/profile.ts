import { writeFileSync } from 'node:fs';
import { Command, Option } from 'clipanion';
import { cascade, isInInclusiveRange, isInteger, isNumber } from 'typanion';
import { connect } from '../../client/connect';
import { columnsOf } from '../../control/columns';
import type { EngineProfile } from '../../control/engine-profile';
import { groupedNumber, percentText, shortNumber } from '../../control/number-text';
import { PROFILE_EVERY, PROFILE_SECONDS_MAXIMUM } from '../../control/profile-limits';
import { BricksError } from '../../model/errors';
import { systemReason } from '../../model/system-error';
import { ClientCommand, connectOptions } from '../client-command';

const DEFAULT_SECONDS = 5;

/** Shows where the time of a daemon's engine goes. */
export class ProfileCommand extends ClientCommand {
  static override paths = [['profile']];
  static override usage = Command.Usage({
    description: 'Show where the time of a running engine goes: nanoseconds a packet by part, and what limits it.',
    details: `
      Looks at the engine's thread for ${DEFAULT_SECONDS} seconds, or as many as are given, while packets flow. The parts are receiving, each brick, sending, and the engine's own loop.

      With --write, the CPU profile goes into a file, NAME.cpuprofile, which Chrome (DevTools, Performance) and speedscope open.

      The engine pauses for some 25 ms of processor time when it begins; what its capture buffer cannot hold meanwhile is lost, and counted as captureFull.
    `,
    examples: [
      ['What limits the engine', 'bricks profile balance'],
      ['Ten seconds, and the profile for Chrome', 'bricks profile balance 10 --write balance.cpuprofile'],
    ],
  });

  write = Option.String('-w,--write', { description: 'write the CPU profile to this file' });
  every = Option.String('--every', { description: `microseconds from one look to the next, ${PROFILE_EVERY.default} unless set`, validator: cascade(isNumber(), isInteger(), isInInclusiveRange(PROFILE_EVERY.minimum, PROFILE_EVERY.maximum)) });
  json = Option.Boolean('--json', false, { description: 'print the figures as JSON' });
  engine = Option.String({ name: 'engine' });
  seconds = Option.String({ name: 'seconds', required: false, validator: cascade(isNumber(), isInInclusiveRange(0.1, PROFILE_SECONDS_MAXIMUM)) });

  override async execute(): Promise<number> {
    const daemon = await connect(connectOptions(this));
    try {
      const profile = await daemon.call('engine.profile', { name: this.engine, seconds: this.seconds ?? DEFAULT_SECONDS, ...(this.every === undefined ? {} : { every: this.every }) });
      const { cpuProfile, ...figures } = profile;
      if (this.write !== undefined) writeProfile(this.write, JSON.stringify(cpuProfile));
      this.context.stdout.write(this.json ? `${JSON.stringify(figures, undefined, 2)}\n` : `${textOf(profile)}\n`);
      return 0;
    } finally {
      await daemon.close();
    }
  }
}

/** @throws BricksError E_OUTPUT */
function writeProfile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new BricksError('E_OUTPUT', `Cannot write ${path}: ${systemReason(error)}.`, 'Name another file.');
  }
}

function textOf({ engine, seconds, packets, load, nanosecondsPerPacket, parts, limit }: EngineProfile): string {
  const head = `Engine ${engine}: ${groupedNumber(packets)} packets in ${seconds.toFixed(1)} s (${shortNumber(packets / seconds)}/s), busy ${percentText(load)} of the time, ${nanosecondsPerPacket.toFixed(1)} ns a packet`;
  if (parts.length === 0) return `${head}\n${limit}`;
  const rows = parts.map(({ label, share, nanosecondsPerPacket: time }) => [label, time.toFixed(1), percentText(share)]);
  return [head, ...columnsOf(['PART', 'NS/PACKET', 'SHARE'], rows, 1), limit].join('\n');
}
