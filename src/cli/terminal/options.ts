import { extname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { LogLevel } from "../../log/log.ts";
import { CommandError, EXIT } from "./command-error.ts";

/** `--log-level` and `--log-format` of a command whose log shows `level` and graver. */
export function logOptions(command: Command, level: LogLevel): Command {
  const levels: LogLevel[] = ["debug", "info", "warn", "error", "silent"];
  return command
    .addOption(new Option("--log-level <level>", "what the log shows").choices(levels).default(level))
    .addOption(
      new Option("--log-format <format>", "form of its lines").choices(["text", "json"]).default("text"),
    );
}

/**
 * Form of an output file: the one asked for with `--format`, else that of the file's ending, else undefined (no file, or one
 * without an ending). `endings` are those of each form, without the dot, the usual one first.
 * @throws CommandError for an ending that names no form, or another one than `--format`
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
    throw new CommandError(`--out ${out} names a file of ${named}, and --format says ${format}`, EXIT.usage);
  if (format !== undefined || named !== undefined || ending === "") return format ?? named;
  const known = forms.map((form) => `.${endings[form][0]}`).join(", ");
  throw new CommandError(
    `cannot write ${out} as .${ending}; what can be written is ${known}, or name the form with --format`,
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
