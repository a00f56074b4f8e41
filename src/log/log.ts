import { type Logger, pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Fields of a log line besides its message; `err` takes an Error. */
export type LogFields = Record<string, unknown>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log of the same output whose lines carry the part's name. */
  part(name: string): Log;
}

export interface LogOptions {
  readonly level?: LogLevel;
  /** `text`: one readable line each; `json`: one JSON object each. */
  readonly format?: "text" | "json";
  /** Takes finished lines, newline included. Default: standard error. */
  readonly write?: (line: string) => void;
  readonly secrets?: Secrets;
}

/** The secrets known so far. Whatever leaves the process as text goes through {@link Secrets.blank} first. */
export class Secrets {
  readonly #known = new Set<string>();
  #pattern: RegExp | undefined;

  /** Remembers a secret in the forms in which it could leave: plain, base64, URL-encoded, XML text, and each within JSON. */
  add(secret: string): void {
    // Shorter ones would blank ordinary words; nobody is helped by a log full of stars.
    if (secret.length < 4 || this.#known.has(secret)) return;
    this.#known.add(secret);
    // Longest first: a secret may begin with another one.
    const forms = [...new Set([...this.#known].flatMap(formsOf))].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(forms.map(withinJson).join("|"), "g");
  }

  blank(text: string): string {
    return this.#pattern ? text.replace(this.#pattern, "***") : text;
  }
}

function formsOf(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams({ "": secret }).toString().slice(1),
    xmlText(secret),
    xmlText(secret).replaceAll('"', "&quot;").replaceAll("'", "&apos;"),
    ...base64Forms(secret),
  ];
}

/** A pattern of a text as it is, or escaped as JSON does it, however often: JSON within JSON within a log line. */
function withinJson(text: string): string {
  const parts = text.match(/\\+["/]?|[^\\]/g) ?? [];
  return parts
    .map((part) => {
      if (part.startsWith("\\")) return `\\\\+${part.replaceAll("\\", "")}`;
      if (part === '"' || part === "/") return `\\\\*${part}`;
      if (/[ -~]/.test(part)) return part.replace(/[$()*+.?[\]^{|}]/, "\\$&");
      const code = part.charCodeAt(0).toString(16).padStart(4, "0");
      const short = JSON.stringify(part).slice(1, -1).replace(/^\\/, "");
      return `(?:\\u${code}|\\\\+(?:u${code}${/^\w$/.test(short) ? `|${short}` : ""}))`;
    })
    .join("");
}

function xmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Below so many characters, a piece of base64 may be anything. */
const SHORTEST_BASE64 = 8;

/** The secret alone, and what stays the same of it within a longer text (`user:secret`), wherever it begins there. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const pieces = [0, 1, 2].map((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    return padded.toString("base64").slice(first, end);
  });
  const forms = [bytes.toString("base64"), ...pieces.filter((piece) => piece.length >= SHORTEST_BASE64)];
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

const LEVEL_NAMES: Record<number, string> = { 20: "debug", 30: "info", 40: "warn", 50: "error" };

/** A log that blanks known secrets and writes one line a message, whatever the message holds. */
export function createLog(options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const secrets = options.secrets;
  const destination = {
    write(json: string): void {
      const line = oneLine(options.format === "json" ? json.trimEnd() : textLine(json));
      write(`${secrets ? secrets.blank(line) : line}\n`);
    },
  };
  const root = pino(
    { level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  return wrap(root, root);
}

function wrap(root: Logger, logger: Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    part: (name) => wrap(root, root.child({ part: name })),
  };
}

/** `2026-11-21T08:00:00.000Z warn  mqtt: broker away url=mqtt://localhost` */
function textLine(json: string): string {
  const { time, level, part, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = [String(time), (LEVEL_NAMES[Number(level)] ?? String(level)).padEnd(5)];
  words.push(`${part ? `${part}: ` : ""}${String(msg ?? "")}`);
  for (const [key, value] of Object.entries(fields)) words.push(`${key}=${plain(value)}`);
  if (err) words.push(`err=${plain(errorText(err))}`);
  return words.join(" ");
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function errorText(err: unknown): unknown {
  const { type, message, code } = err as { type?: string; message?: string; code?: unknown };
  return message === undefined
    ? err
    : [type ?? "Error", code, message].filter((word) => word !== undefined).join(" ");
}

// Control characters of both sets, line separators, and what turns the direction of text around.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be escaped
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The same but for tabs and line breaks. */
const UNPRINTABLE = new RegExp(`(?!\\r\\n|[\\t\\n])${UNSAFE.source}`, "g");

function oneLine(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** Text of any number of lines, with what could make a terminal do or show something else escaped. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** As JSON does it, so that JSON stays the same JSON. */
function escaped(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  return json.length > 1 ? json : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What a caught error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
