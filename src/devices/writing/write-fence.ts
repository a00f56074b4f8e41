import type { WritePermit } from "../../drivers/driver.ts";

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
