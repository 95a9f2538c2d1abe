/** What a daemon does and has counted, in one small object, for the status file. */
import { engines } from '../control/process-engines';
import type { Daemon } from './daemon';

export interface EngineStatus {
  readonly name: string;
  readonly running: boolean;
  readonly packets: number;
  readonly bytes: number;
  readonly drops: number;
}

export interface DaemonStatus {
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: string;
  readonly writtenAt: string;
  readonly script: string | null;
  readonly engines: readonly EngineStatus[];
  readonly totals: Pick<EngineStatus, 'packets' | 'bytes' | 'drops'>;
}

export function daemonStatus(daemon: Daemon): DaemonStatus {
  const all = engines().map((engine): EngineStatus => {
    const { name, running, packets, bytes, drops } = engine.stats();
    return { name, running, packets, bytes, drops };
  });
  const sum = (of: 'packets' | 'bytes' | 'drops'): number => all.reduce((total, engine) => total + engine[of], 0);
  const { name, pid, version, startedAt, script } = daemon.information;
  return {
    name, pid, version, startedAt,
    writtenAt: new Date().toISOString(),
    script: script ?? null,
    engines: all,
    totals: { packets: sum('packets'), bytes: sum('bytes'), drops: sum('drops') },
  };
}
