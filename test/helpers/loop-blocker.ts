/** Loaded into a process by `--import`: SIGUSR2 blocks its event loop for BLOCK_MS, as a long computation would. */
export const BLOCK_MS = 4000;

process.on("SIGUSR2", () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCK_MS));
