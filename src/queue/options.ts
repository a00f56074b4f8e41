import type { Log } from "../log/log.ts";

/** Something an operator should know. Kinds: `queue_filling`, `queue_full`, `queue_blocked`, `queue_resumed`, `queue_damaged`. */
export interface QueueNotice {
  readonly severity: "info" | "warning" | "error";
  readonly kind: string;
  readonly text: string;
}

export interface QueueOptions {
  readonly file: string;
  readonly log: Log;
  /** Of the file. The oldest records go before it would grow beyond. Without it the disk is the limit. */
  readonly limitBytes?: number;
  /** From this share of the limit on a notice says so. Default 0.9. */
  readonly reportShare?: number;
  /**
   * `full` (default): what was accepted survives a power cut. `normal`: it survives a crash of the process, but a power
   * cut can take what was accepted since the last checkpoint; the file itself stays sound.
   */
  readonly durability?: "full" | "normal";
  /** What records may take of memory while the disk takes nothing. Default 64 MB. */
  readonly memoryBytes?: number;
  /** Disk space kept back, so that a full disk can be drained. Default: an eighth of the limit, from 256 kB to 4 MB. */
  readonly ballastBytes?: number;
  /** The disk is tried again after so long, and looked at this often for what other processes did. Default 1000 ms. */
  readonly retryMs?: number;
  /** Another process runs this queue: only look, and move dead letters. */
  readonly shared?: boolean;
  readonly onNotice?: (notice: QueueNotice) => void;
  /** Records may have come from another process (a retry of dead letters from the command line). */
  readonly onRecords?: () => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}
