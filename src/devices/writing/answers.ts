import type { WriteOutcome } from "../../drivers/driver.ts";
import {
  InvalidValueError,
  mayHaveBeenTaken,
  PointNotFoundError,
  PointReadOnlyError,
  ServiceError,
  WriteRefusedError,
} from "../../drivers/errors.ts";
import { messageOf } from "../../log/log.ts";
import type { WriteStatus } from "../../points/index.ts";
import { TimeoutError } from "../../time/clock.ts";
import type { CommandResult } from "../commands.ts";
import {
  CommandExpiredError,
  DeviceNotFoundError,
  DuplicateIdError,
  OverrideError,
  PausedDeviceError,
  ReadOnlyBridgeError,
  RequesterError,
  ScheduleError,
  SupersededError,
} from "../errors.ts";
import type { Verdict } from "./read-back.ts";

/** A command's result without the fields that repeat the command. */
export type Answer = Pick<CommandResult, "status" | "readBack" | "code" | "text" | "error">;

/** Errors that mean that nothing was sent. */
const REFUSALS = [
  DeviceNotFoundError,
  PointNotFoundError,
  PointReadOnlyError,
  InvalidValueError,
  WriteRefusedError,
  CommandExpiredError,
  OverrideError,
  PausedDeviceError,
  ScheduleError,
  ReadOnlyBridgeError,
  RequesterError,
  SupersededError,
  DuplicateIdError,
];

export function answerOf(error: unknown): Answer {
  const status = REFUSALS.some((kind) => error instanceof kind) ? "refused" : "failed";
  const unknown =
    error instanceof TimeoutError || mayHaveBeenTaken(error)
      ? "; it is not known whether the device accepted it: read the point before writing again"
      : "";
  return {
    status,
    ...(error instanceof ServiceError && { code: error.code }),
    text: messageOf(error) + unknown,
    error: error instanceof Error ? error.name : "Error",
  };
}

/** Combines the verdict with the texts of the service and the driver. */
export function answerWith(outcome: WriteOutcome, verdict: Verdict): Answer {
  const text = [verdict.text, outcome.text, ...(outcome.warnings ?? [])].filter(Boolean).join("; ");
  return {
    ...verdict,
    ...(outcome.code !== undefined && { code: outcome.code }),
    ...(text !== "" && { text }),
  };
}

const FROM_BAD_TO_GOOD: readonly WriteStatus[] = [
  "failed",
  "refused",
  "unconfirmed",
  "accepted",
  "confirmed",
];

/** Returns one answer for many points: the worst status, and the outcome of each. */
export function summary(answers: readonly (readonly [point: string, answer: Answer])[]): Answer {
  const sorted = answers.toSorted(
    ([, a], [, b]) => FROM_BAD_TO_GOOD.indexOf(a.status) - FROM_BAD_TO_GOOD.indexOf(b.status),
  );
  const worst = sorted[0]?.[1];
  if (!worst)
    return {
      status: "confirmed",
      text: "nothing to revert: nothing was written here, and no point has a Starting Value",
    };
  const text = answers
    .map(([point, answer]) => `${point}: ${answer.status}${answer.text ? ` (${answer.text})` : ""}`)
    .join("; ");
  return {
    status: worst.status,
    ...(worst.code !== undefined && { code: worst.code }),
    ...(worst.error !== undefined && { error: worst.error }),
    text,
  };
}
