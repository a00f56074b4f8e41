import { extname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { LogLevel } from "../../log/log.ts";
import { CommandError, EXIT } from "./command-error.ts";

/** Adds `--log-level` and `--log-format` to a command that logs at `level` and above by default. */
export function logOptions(command: Command, level: LogLevel): Command {
  const levels: LogLevel[] = ["debug", "info", "warn", "error", "silent"];
  return command
    .addOption(new Option("--log-level <level>", "minimum level to log").choices(levels).default(level))
    .addOption(
      new Option("--log-format <format>", "format of log lines").choices(["text", "json"]).default("text"),
    );
}

/** Adds `--config`, `--timeout` (seconds for each step) and `--json` to a command that tests what a bridge needs. */
export function testOptions(command: Command): Command {
  return command
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option(
      "--timeout <seconds>",
      "maximum time for each step",
      numberOption({ above: 0, fraction: true }),
      5,
    )
    .option("--json", "print JSON");
}

/**
 * Returns the format of an output file: `--format`, else by its extension, else undefined (no file, or no extension).
 * `endings` are the extensions of each format, without the dot, the usual one first.
 * @throws CommandError for an unknown extension, and for one of another format than `--format`
 */
export function outputFormat<Format extends string>(
  { out, format }: { readonly out?: string; readonly format?: Format },
  endings: Readonly<Record<Format, readonly string[]>>,
): Format | undefined {
  const ending = extname(out ?? "")
    .slice(1)
    .toLowerCase();
  const forms = Object.keys(endings) as Format[];
  const named = forms.find((form) => endings[form].includes(ending));
  if (format !== undefined && named !== undefined && named !== format)
    throw new CommandError(
      `--out ${out} is a ${named} file, but --format is ${format}; change one of them`,
      EXIT.usage,
    );
  if (format !== undefined || named !== undefined || ending === "") return format ?? named;
  const known = forms.map((form) => `.${endings[form][0]}`).join(", ");
  throw new CommandError(
    `cannot write ${out}: unknown extension .${ending}; use ${known}, or set --format`,
    EXIT.usage,
  );
}

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  /** Whether a fraction is allowed. */
  readonly fraction?: boolean;
}

/** Returns a parser of a numeric option; commander names the option in its message. */
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

/** Parses a length of time, `10s`, `5min`, `2h` or seconds, into milliseconds. */
export function durationOption(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?) ?(s|min|m|h)?$/.exec(text.trim()) ?? [];
  const ms = Number(number) * { s: 1000, min: 60_000, m: 60_000, h: 3_600_000 }[unit]!;
  if (ms > 0) return ms;
  throw new InvalidArgumentError("expected a time such as 10s, 5min or 2h");
}

function describe({ min, max, above, fraction }: NumberRange): string {
  const kind = fraction ? "a number" : "a whole number";
  if (above !== undefined) return `${kind} above ${above}`;
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind}, ${min} or more`;
  return kind;
}
