import type { CommandSource, PointValue, WriteStatus } from "../points/index.ts";

/** A command that came in by any way. Its age and expiry are judged where the write happens: in the actuator. */
export interface Command extends CommandSource {
  /** When the requester sent it, where known; else when it arrived. */
  readonly sentAt: Date;
  readonly expiresAt?: Date;
  readonly durationMinutes?: number;
}

/** The truthful answer to a write. Never thrown: a refusal is an answer too. */
export interface CommandResult {
  readonly id: string;
  readonly device: string;
  /** Absent for the revert of a whole device. */
  readonly point?: string;
  readonly requested: PointValue;
  readonly status: WriteStatus;
  readonly readBack?: PointValue;
  /** The service's response code. */
  readonly code?: string;
  readonly text?: string;
  /** Class name of the error where the status is refused or failed, e.g. `PointReadOnlyError`. */
  readonly error?: string;
  readonly tookMs: number;
}

/** What the ways in (MQTT, CLI, web) may ask for. */
export interface Commands {
  /** Reads one point past every cache. Rejects with PointNotFoundError, ServiceError, … */
  get(device: string, point: string, signal?: AbortSignal): Promise<PointValue>;
  set(device: string, point: string, value: unknown, command: Command): Promise<CommandResult>;
  revertPoint(device: string, point: string, command: Command): Promise<CommandResult>;
  revertDevice(device: string, command: Command): Promise<CommandResult>;
}
