import { mayHaveBeenTaken } from "../../drivers/errors.ts";
import { type WritePermit, withPermit } from "../../drivers/write-permit.ts";
import { TimeoutError } from "../../time/clock.ts";

/** Decides, where several bridges share the devices, whether this one may write to a device now. */
export interface WriteFence {
  /**
   * Commits what was recorded of a write where the other bridges see it, and permits it. May wait until a write of the bridge that had
   * the device before can no longer arrive. Rejects where this bridge must not send it, or cannot know that it may; nothing is sent then.
   * @throws {WriteRefusedError}
   */
  permit(device: string, signal: AbortSignal): Promise<PermittedWrite>;
}

export interface PermittedWrite extends WritePermit {
  /** Called when the write was answered or given up; `known`: whether no request of it can arrive any more. */
  ended(known: boolean): void;
}

/** Sends a write to a device when it is permitted; at once where there is no fence. */
export async function permitted<T>(
  fence: WriteFence | undefined,
  device: string,
  signal: AbortSignal,
  send: () => Promise<T>,
): Promise<T> {
  if (!fence) return send();
  const permit = await fence.permit(device, signal);
  try {
    const answer = await withPermit(permit, send);
    permit.ended(true);
    return answer;
  } catch (error) {
    permit.ended(!(error instanceof TimeoutError || mayHaveBeenTaken(error)));
    throw error;
  }
}
