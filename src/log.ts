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

  /** Remembers a secret in the forms in which it could leave: plain, base64, URL-encoded, JSON and XML text. */
  add(secret: string): void {
    // Shorter ones would blank ordinary words; nobody is helped by a log full of stars.
    if (secret.length < 4) return;
    for (const form of [
      secret,
      Buffer.from(secret).toString("base64"),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    ])
      this.#known.add(form);
  }

  blank(text: string): string {
    let blanked = text;
    for (const secret of this.#known) {
      if (blanked.includes(secret)) blanked = blanked.replaceAll(secret, "***");
    }
    return blanked;
  }
}

const LEVEL_NAMES: Record<number, string> = { 20: "debug", 30: "info", 40: "warn", 50: "error" };

/** A log that blanks known secrets and writes one line a message, whatever the message holds. */
export function createLog(options: LogOptions = {}): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const secrets = options.secrets;
  const destination = {
    write(json: string): void {
      const line = options.format === "json" ? json : textLine(json);
      write(secrets ? secrets.blank(line) : line);
    },
  };
  const root = pino(
    { level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  return wrap(root);
}

function wrap(logger: Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    part: (name) => wrap(logger.child({ part: name })),
  };
}

/** `2026-11-21T08:00:00.000Z warn  mqtt: broker away url=mqtt://localhost`; control characters escaped. */
function textLine(json: string): string {
  const { time, level, part, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const words = [String(time), (LEVEL_NAMES[Number(level)] ?? String(level)).padEnd(5)];
  words.push(`${part ? `${part}: ` : ""}${oneLine(String(msg ?? ""))}`);
  for (const [key, value] of Object.entries(fields)) words.push(`${key}=${plain(value)}`);
  if (err) words.push(`err=${plain(errorText(err))}`);
  return `${words.join(" ")}\n`;
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

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be escaped
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => JSON.stringify(c).slice(1, -1));
}
