import type { Command } from "commander";
import { closest } from "../../config/index.ts";
import { driverTypes } from "../../devices/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

interface Flags {
  readonly json?: true;
}

type Listed = ReturnType<NonNullable<(typeof driverTypes)[string]["attributes"]>>[number] & {
  readonly driver: string;
};

/** Minimum width of the meanings beside the other columns, in characters; with less, each has a line of its own. */
const LEAST_MEANING = 30;
const INDENT = "    ";

export function attributes(group: Command, terminal: Terminal): void {
  group
    .command("attributes")
    .description(
      "List what the rows of a registry can name, with types, units and the API calls that it takes.",
    )
    .argument("[register]", "only this register or driver type, or attributes with this text")
    .option("--json", "print JSON")
    .action((filter: string | undefined, flags: Flags) => list(filter, flags, terminal));
}

function list(filter: string | undefined, flags: Flags, terminal: Terminal): void {
  const all = Object.values(driverTypes).flatMap(({ name: driver, attributes: listed }) =>
    (listed?.() ?? []).map((attribute) => ({ driver, ...attribute })),
  );
  const found = filter === undefined ? all : matching(all, filter);
  if (flags.json) printJson(terminal, found);
  else
    terminal.out(
      groupsOf(found)
        .map((group) => formatGroup(group, terminal))
        .join("\n"),
    );
  terminal.err(`${counted(found.length, "attribute")}\n`);
}

/** Returns those of the register or driver type; without one of that name, those that contain the text. */
function matching(all: readonly Listed[], filter: string): readonly Listed[] {
  const wanted = filter.toLowerCase();
  const named = (names: (one: Listed) => string[]) =>
    all.filter((one) => names(one).some((name) => name.toLowerCase() === wanted));
  const exact = named(({ register, driver }) => [register, register.replace(/Register$/, ""), driver]);
  if (exact.length > 0) return exact;
  const texts = ({ register, attribute, meaning, unit, type, call }: Listed) =>
    [register, attribute, meaning, unit, type, call?.operation].join("\n").toLowerCase();
  const found = all.filter((one) => texts(one).includes(wanted));
  if (found.length > 0) return found;
  const names = new Set(all.flatMap(({ register, attribute }) => [register, attribute]));
  const near = closest(filter, names);
  throw new CommandError(
    `no register or attribute matches "${filter}"${near === undefined ? "." : `; did you mean "${near}"?`} Without an argument all are listed`,
    EXIT.usage,
  );
}

/** Attributes of one register that the same call reads. */
function groupsOf(found: readonly Listed[]): (readonly Listed[])[] {
  return [...Map.groupBy(found, ({ register, call }) => `${register} ${call?.operation}`).values()];
}

function formatGroup(group: readonly Listed[], terminal: Terminal): string {
  const { driver, register, call } = group[0]!;
  const cost = call === undefined ? "no API call" : `${call.operation}, ${call.cost}`;
  const onChange = group.filter(({ nameplate }) => nameplate).map(({ attribute }) => attribute);
  const stored =
    onChange.length === group.length
      ? "; stored on change"
      : onChange.length > 0
        ? `; ${onChange.join(", ")}: stored on change`
        : "";
  const header = ["attribute", "level", "type", "unit", "writable"];
  const cells = group.map(({ attribute, level, type, unit = "", writable }) => {
    return [attribute, level, type ?? "any", unit, writable ? "yes" : ""];
  });
  const meanings = group.map(({ meaning }) => meaning);
  return `${register} (${driver}): ${cost}${stored}\n\n${table(header, cells, meanings, terminal)}`;
}

/** Formats a table with meanings as its last column. On a screen they are wrapped, so that the columns stay readable. */
function table(
  header: readonly string[],
  cells: readonly (readonly string[])[],
  meanings: readonly string[],
  { interactive, columns }: Terminal,
): string {
  const whole = (texts: readonly string[]) =>
    formatTable(
      [...header, "meaning"],
      cells.map((row, i) => [...row, texts[i]!]),
    );
  if (!interactive) return whole(meanings);
  const [top = "", rule = "", ...rows] = whole(meanings).trimEnd().split("\n");
  const start = rule.lastIndexOf("  ") + 2;
  const beside = columns - start >= LEAST_MEANING;
  const indent = beside ? " ".repeat(start) : INDENT;
  const lines = rows.flatMap((row, i) => {
    const [first = "", ...more] = wrapped(meanings[i]!, columns - indent.length);
    const left = row.slice(0, start);
    return beside
      ? [left + first, ...more.map((line) => indent + line)]
      : [left.trimEnd(), ...[first, ...more].map((line) => indent + line)];
  });
  const cut = (line: string) => (beside ? line : line.slice(0, start).trimEnd());
  return `${[cut(top), cut(rule), ...lines].map((line) => line.slice(0, columns).trimEnd()).join("\n")}\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
