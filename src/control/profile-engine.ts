/** Profiles the thread of a running engine: begins it, waits, and ends it; other commands go on between. */
import { BricksError } from '../model/errors';
import { engineProfile, type EngineProfile } from './engine-profile';
import { PROFILE_EVERY, PROFILE_SECONDS_MAXIMUM } from './profile-limits';
import type { Life } from './engine-life';

export type { EngineProfile, ProfilePart } from './engine-profile';

/** How an engine is profiled. */
export interface ProfileOptions {
  /** Microseconds from one look at the thread to the next. Range: 50 to 1,000,000. Default: 500. */
  readonly every?: number;
}

/** The profile holds every sample. */
const SAMPLES_MAXIMUM = 200_000;

/** Engines whose threads are being looked at: a thread has one profiler. */
const busy = new Set<Life>();

/** `inTurn` carries out one command after the other. @throws BricksError E_ENGINE_NOT_RUNNING, E_ARGUMENT, E_PROFILE */
export async function profileEngine(name: string, life: Life, inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>, seconds: number, { every = PROFILE_EVERY.default }: ProfileOptions): Promise<EngineProfile> {
  if (!(seconds > 0 && seconds <= PROFILE_SECONDS_MAXIMUM)) throw new BricksError('E_ARGUMENT', `profile takes seconds up to ${PROFILE_SECONDS_MAXIMUM}, got ${seconds}.`);
  if (!Number.isInteger(every) || every < PROFILE_EVERY.minimum || every > PROFILE_EVERY.maximum) throw new BricksError('E_ARGUMENT', `profile samples every ${PROFILE_EVERY.minimum} to ${PROFILE_EVERY.maximum} microseconds, got ${every}.`);
  if ((seconds * 1e6) / every > SAMPLES_MAXIMUM) throw new BricksError('E_ARGUMENT', `A profile takes at most ${SAMPLES_MAXIMUM} samples; ${seconds} s with one every ${every} µs would be more.`, 'Sample less often, or for a shorter time.');
  if (busy.has(life)) throw new BricksError('E_PROFILE', `The engine ${name} is being profiled.`, 'Wait until it has finished.');
  busy.add(life);
  try {
    const begun = await inTurn(async () => {
      const { thread, counters } = life;
      if (!life.running || !thread || !counters) throw notRunning(name, 'is not running');
      await life.profile(every);
      return { thread, counters, at: performance.now() };
    });
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    return await inTurn(async () => {
      const { thread, at } = begun;
      // Its thread took the profile with it.
      const { counters } = life;
      if (life.thread !== thread || !counters) throw notRunning(name, 'was closed while it was profiled');
      const passed = (performance.now() - at) / 1000;
      const profile = await life.profile();
      if (!profile) throw new BricksError('E_PROFILE', `The engine ${name} was not profiled.`);
      return engineProfile(name, passed, begun.counters, counters, profile);
    });
  } finally {
    busy.delete(life);
  }
}

function notRunning(name: string, what: string): BricksError {
  return new BricksError('E_ENGINE_NOT_RUNNING', `The engine ${name} ${what}, so there is nothing to profile.`, 'Start it first.');
}
