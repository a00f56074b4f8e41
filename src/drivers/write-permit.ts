import { AsyncLocalStorage } from "node:async_hooks";

/** That this bridge may write to a device, where several bridges share the devices. */
export interface WritePermit {
  /** Last moment at which a request of the write may leave, by the monotonic clock (`performance.now()`), in milliseconds. */
  readonly deadline: number;
  /** Who writes: member and epoch, told to the service for its records. */
  readonly holder: string;
}

const permits = new AsyncLocalStorage<WritePermit>();

/** Carries out a write; every request of it, and of nothing else, finds its permit by {@link currentPermit}. */
export function withPermit<T>(permit: WritePermit | undefined, write: () => Promise<T>): Promise<T> {
  return permit ? permits.run(permit, write) : write();
}

/** Returns the permit of the write that is being carried out; undefined where no other bridge writes. */
export function currentPermit(): WritePermit | undefined {
  return permits.getStore();
}
