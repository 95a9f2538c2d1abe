/**
 * The guardian: a small program that outlives this process if it is killed, and then cuts capture
 * files back to their last whole record (native/guardian.cpp).
 */
import { messageOf } from '../model/errors';
import { nativeFiles, type FilesAddon } from './native-files';

export interface GuardianPlan {
  readonly socket: number;
  readonly memory: number;
  readonly slots: number;
}

export class Guardian {
  private readonly committed: Float64Array;

  private constructor(private readonly addon: FilesAddon, readonly plan: GuardianPlan) {
    this.committed = new Float64Array(addon.mapGuardian(plan.memory, plan.slots));
  }

  /** Starts one, or says why there is none. */
  static start(slots: number, notice: (text: string) => void, program = ''): Guardian | undefined {
    const addon = nativeFiles();
    try {
      if (!addon) throw new Error('the native part bricks_files was not built');
      return new Guardian(addon, { ...addon.startGuardian(program, slots), slots });
    } catch (error) {
      notice(`Capture files will not be repaired if this process is killed by SIGKILL: ${messageOf(error)}.`);
      return undefined;
    }
  }

  /** In another thread of the same process. */
  static join(plan: GuardianPlan | undefined): Guardian | undefined {
    const addon = plan && nativeFiles();
    return addon && new Guardian(addon, plan);
  }

  announce(slot: number, path: string, header: Uint8Array): void {
    // -1: nothing of the file is ours yet.
    this.committed[slot] = -1;
    this.addon.announceFile(this.plan.socket, slot, path, header);
  }

  watch(slot: number, descriptor: number): void {
    this.addon.watchFile(this.plan.socket, slot, descriptor);
  }

  commit(slot: number, length: number): void {
    this.committed[slot] = length;
  }

  forget(slot: number): void {
    this.addon.forgetFile(this.plan.socket, slot);
  }

  /** Sends it home. */
  close(): void {
    this.addon.closeFile(this.plan.socket);
    this.addon.closeFile(this.plan.memory);
  }
}
