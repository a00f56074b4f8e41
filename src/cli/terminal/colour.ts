import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

/** Words of states, outcomes and severities by their colour. */
const WORDS = {
  green: ["online", "GOOD", "confirmed", "accepted", "ok", "SUCCESS", "AVAILABLE"],
  yellow: [
    "stale",
    "unknown",
    "STARTING",
    "unconfirmed",
    "(not read)",
    "PREEMPTED",
    "preempted",
    "warning",
    "warn",
  ],
  red: ["offline", "BAD", "refused", "failed", "no answer", "FAILURE", "error", "UNREACHABLE"],
  cyan: ["note", "INUSE", "in force", "running"],
};
const FORMATS = new Map(
  Object.entries(WORDS).flatMap(([format, words]) => words.map((word) => [word, format as Format])),
);

/** The line between the heading and the rows of a table. */
const RULE = /^─+(?: {2}─+)*$/;
/** The state that a sentence begins with or is about, the severity of a problem, the level of a log line. */
const IN_SENTENCE =
  /^\w+(?=:| before:|$)|(?<=^\S+ is )\w+|(?<=:\d+:\d+: )(?:error|warning|note)(?= \[)|(?<=^\S+Z )(?:error|warn)\b/;

/** Returns text with the headings of its tables and its states in colour, where the stream is a terminal that shows colours. */
export function coloured(text: string, stream: NodeJS.WritableStream | undefined): string {
  if (stream === undefined) return text;
  const paint = (format: Format, part: string) => styleText(format, part, { stream });
  if (paint("bold", "x") === "x") return text;
  const word = (part: string) => (FORMATS.has(part) ? paint(FORMATS.get(part)!, part) : part);
  let columns: readonly RegExpExecArray[] = [];
  const lines = text.split("\n");
  return lines
    .map((line, i) => {
      if (RULE.test(lines[i + 1] ?? "")) return paint("bold", line);
      if (line === "") columns = [];
      if (columns.length === 0 && !RULE.test(line)) return line.replace(IN_SENTENCE, word);
      if (!RULE.test(line))
        return columns
          .map(({ index }, at) => line.slice(at === 0 ? 0 : index, columns[at + 1]?.index))
          .map((cell) => cell.replace(cell.trim(), word))
          .join("");
      columns = [...line.matchAll(/─+/g)];
      return paint("dim", line);
    })
    .join("\n");
}
