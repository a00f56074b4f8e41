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
  /**
   * Whether the lines go to systemd's journal: each begins with its priority as in sd-daemon(3), and text lines have no time,
   * because the journal has it.
   */
  readonly journal?: boolean;
  /** Called with each complete line, newline included. Default: standard error. */
  readonly write?: (line: string) => void;
  readonly secrets?: Secrets;
}

/** The known secrets. All text that leaves the process passes through {@link Secrets.blank} first. */
export class Secrets {
  readonly #known = new Set<string>();
  #pattern: RegExp | undefined;

  /** Adds a secret in the forms in which it could appear: plain, base64, URL-encoded, XML text, and each within JSON. */
  add(secret: string): void {
    // Shorter secrets would blank ordinary words and make the log unreadable.
    if (secret.length < 4 || this.#known.has(secret)) return;
    this.#known.add(secret);
    // Longest first: a secret may start with another one.
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

/** Returns a pattern of a text, plain or escaped as in JSON any number of times: JSON within JSON within a log line. */
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

/** Minimum length of a piece of base64; a shorter one could match other text. */
const MIN_BASE64_LENGTH = 8;

/** Returns the base64 of a secret, and its invariant part at any offset in a longer text (`user:secret`). */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const pieces = [0, 1, 2].map((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    return padded.toString("base64").slice(first, end);
  });
  const forms = [bytes.toString("base64"), ...pieces.filter((piece) => piece.length >= MIN_BASE64_LENGTH)];
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

/** Prefixes of sd-daemon(3) by level. */
export const PRIORITIES = { debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" } as const;

/** Creates a log that blanks known secrets and writes one line for each message, whatever it contains. */
export function createLog(options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const { secrets, format, journal = false } = options;
  const destination = {
    write(json: string): void {
      const line = oneLine(format === "json" ? json.trimEnd() : textLine(json, journal));
      const priority = journal ? priorityOf(JSON.parse(json) as { level: unknown }) : "";
      write(`${priority}${secrets ? secrets.blank(line) : line}\n`);
    },
  };
  const root = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
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

function priorityOf({ level }: { readonly level: unknown }): string {
  return PRIORITIES[level as keyof typeof PRIORITIES] ?? "";
}

/** `2026-11-21T08:00:00.000Z warn  mqtt: broker away url=mqtt://localhost`; in the journal without the time. */
function textLine(json: string, journal: boolean): string {
  const { time, level, part, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = [...(journal ? [] : [String(time)]), String(level).padEnd(5)];
  words.push(`${part ? `${part}: ` : ""}${String(msg ?? "")}`);
  for (const [key, value] of Object.entries(fields)) words.push(`${key}=${plain(value)}`);
  if (err) words.push(`err=${plain(errorText(err))}`);
  return words.join(" ");
}

function plain(value: unknown): string {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  const text = isList ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

function errorText(err: unknown): unknown {
  const { type, message, code } = err as { type?: string; message?: string; code?: unknown };
  return message === undefined
    ? err
    : [type ?? "Error", code, message].filter((word) => word !== undefined).join(" ");
}

// Control characters (C0, C1), line separators, and characters that change the direction of text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters must be escaped
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The same without tabs and line breaks. */
const UNPRINTABLE = new RegExp(`(?!\\r\\n|[\\t\\n])${UNSAFE.source}`, "g");

function oneLine(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** Escapes characters that could control a terminal or change what it shows; keeps line breaks. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** Escapes a character as JSON does, so that JSON remains equal. */
function escaped(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  return json.length > 1 ? json : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns the message of a caught error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
