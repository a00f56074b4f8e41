import { type Command, InvalidArgumentError, Option } from "commander";
import type { LogLevel } from "../log.ts";

/** `--log-level` and `--log-format` of a command whose log shows `level` and graver. */
export function logOptions(command: Command, level: LogLevel): Command {
  const levels: LogLevel[] = ["debug", "info", "warn", "error", "silent"];
  return command
    .addOption(new Option("--log-level <level>", "what the log shows").choices(levels).default(level))
    .addOption(
      new Option("--log-format <format>", "form of its lines").choices(["text", "json"]).default("text"),
    );
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  /** Whether a fraction is allowed. */
  readonly fraction?: boolean;
}

/** Parser of a numeric option; commander names the option in its message. */
export function numberOption(range: NumberRange): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const fits =
      text.trim() !== "" &&
      Number.isFinite(value) &&
      (range.fraction || Number.isInteger(value)) &&
      value >= (range.min ?? Number.NEGATIVE_INFINITY) &&
      value <= (range.max ?? Number.POSITIVE_INFINITY) &&
      value > (range.above ?? Number.NEGATIVE_INFINITY);
    if (fits) return value;
    throw new InvalidArgumentError(`expected ${describe(range)}`);
  };
}

function describe({ min, max, above, fraction }: NumberRange): string {
  const kind = fraction ? "a number" : "a whole number";
  if (above !== undefined) return `${kind} above ${above}`;
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind}, ${min} or more`;
  return kind;
}
