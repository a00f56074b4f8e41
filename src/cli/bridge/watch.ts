import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import { brokerUrl, filterFault, type Incoming, NoBrokerError, watchTopics } from "../../mqtt/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { durationOption, numberOption } from "../terminal/options.ts";
import { Redrawn } from "../terminal/redrawn.ts";
import { counted, formatTable, singleLine } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type BrokerFlags, brokerOptions, findBroker } from "./ask.ts";

interface Flags extends BrokerFlags {
  readonly table?: true;
  readonly json?: true;
  readonly retained: boolean;
  readonly count?: number;
  /** Milliseconds. */
  readonly for?: number;
}

const HELP = `
Without a filter: everything that the bridge of the config publishes, and commands to it. In filters, + stands for one level
and # for all that follow: 'devices/campus/garage/+/all'. Quote them for the shell.`;

export function watch(program: Command, terminal: Terminal): void {
  brokerOptions(
    program
      .command("watch")
      .description("Show the messages of the bridge's broker as they arrive, until Ctrl-C.")
      .argument("[filter...]", "topics to watch, e.g. 'devices/#' (default: those of the bridge)"),
  )
    .option("--table", "the last message of each topic, redrawn in place (on a terminal)")
    .option("--json", "one JSON object a line")
    .option("--no-retained", "leave out what the broker retained before")
    .option("--count <n>", "end after this number of messages", numberOption({ min: 1 }))
    .option("--for <time>", "end after this time, e.g. 10s, 5min", durationOption)
    .addHelpText("after", HELP)
    .action((filters: string[], flags: Flags) => watchBroker(filters, flags, terminal));
}

const CONNECT_MS = 10_000;
/** Time without a message after which possible reasons are printed, in milliseconds. */
const SILENCE_MS = 10_000;

async function watchBroker(filters: readonly string[], flags: Flags, terminal: Terminal): Promise<void> {
  for (const filter of filters) {
    const fault = filterFault(filter);
    if (fault) throw new CommandError(`the topic filter ${JSON.stringify(filter)} ${fault}`, EXIT.usage);
  }
  const { broker, instance } = findBroker(flags, terminal);
  const url = brokerUrl(broker);
  const over = new AbortController();
  const view = viewOf(flags, terminal);
  let shown = 0;
  const silence = setTimeout(() => view.note(silent(url)), SILENCE_MS);
  const timer = flags.for === undefined ? undefined : setTimeout(() => over.abort(), flags.for);
  try {
    await watchTopics({
      ...{ broker, filters, instance, timeoutMs: CONNECT_MS },
      signal: AbortSignal.any([terminal.ending, over.signal]),
      onMessage(message) {
        if (over.signal.aborted || (message.retained && !flags.retained)) return;
        clearTimeout(silence);
        if (!view.show(message)) return;
        shown++;
        if (shown === flags.count) over.abort();
      },
      onWatching: (watched, isAgain) =>
        view.note(isAgain ? `connected to ${url} again` : `watching ${watched.join(", ")} at ${url}`),
      onLost: (reason) => view.note(`lost ${url}: ${reason}; connecting again`),
    });
  } catch (error) {
    if (error instanceof NoBrokerError) throw new CommandError(error.message);
    if (!over.signal.aborted && !terminal.ending.aborted) throw error;
  } finally {
    clearTimeout(silence);
    clearTimeout(timer);
    view.end();
  }
  if (flags.count !== undefined && shown < flags.count && !terminal.ending.aborted)
    throw new CommandError(`${counted(shown, "message")} of ${flags.count} arrived in the given time`);
}

function silent(url: string): string {
  return (
    `no message in ${SILENCE_MS / 1000} s. "voltbridge status" shows whether a bridge is online at ${url}; ` +
    "the broker's access rules may also keep this user from reading, which no broker reports"
  );
}

/** A way to show messages. */
interface View {
  /** Returns false for a message that was passed over. */
  show(message: Incoming): boolean;
  /** Prints a line that is not a message. */
  note(text: string): void;
  end(): void;
}

function viewOf(flags: Flags, terminal: Terminal): View {
  if (flags.json) return new Lines(terminal, (message) => terminal.data(`${asJson(message, terminal)}\n`));
  if (flags.table && terminal.interactive) return new Table(terminal);
  return new Lines(terminal, ({ topic, payload, retained }) => {
    const line = singleLine(
      `${timeOfDay(new Date())}  ${topic}${retained ? "  (retained)" : ""}  ${asText(payload)}`,
    );
    terminal.out(`${terminal.interactive ? shortened(line, terminal.columns) : line}\n`);
  });
}

/** Maximum number of lines printed to a screen in a second. */
const MOST_LINES_A_SECOND = 200;
/** Maximum number of bytes that may wait for a slow reader of the output. */
const MOST_WAITING_BYTES = 1024 * 1024;

/** One line a message. Messages that come faster than they can be shown are passed over and counted. */
class Lines implements View {
  readonly #terminal: Terminal;
  readonly #print: (message: Incoming) => void;
  /** Lines of the current second. */
  #lines = 0;
  #passedOver = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, print: (message: Incoming) => void) {
    this.#terminal = terminal;
    this.#print = print;
  }

  show(message: Incoming): boolean {
    const { interactive, streams } = this.#terminal;
    this.#timer ??= setTimeout(() => this.#nextSecond(), 1000);
    const isTooMuch =
      (interactive && this.#lines >= MOST_LINES_A_SECOND) ||
      (streams?.out.writableLength ?? 0) > MOST_WAITING_BYTES;
    if (isTooMuch) {
      this.#passedOver++;
      return false;
    }
    this.#lines++;
    this.#print(message);
    return true;
  }

  note(text: string): void {
    this.#terminal.err(`${singleLine(text)}\n`);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#nextSecond();
  }

  #nextSecond(): void {
    this.#timer = undefined;
    this.#lines = 0;
    if (this.#passedOver === 0) return;
    this.note(
      `… ${counted(this.#passedOver, "message")} passed over: they come faster than they can be shown; narrow the topic filter`,
    );
    this.#passedOver = 0;
  }
}

/** Maximum number of topics in the table. */
const MOST_TOPICS = 5000;
/** Maximum length of a payload in the table, in characters; a line shows less. */
const LONGEST_PAYLOAD = 500;
/** Time between two drawings of the table, in milliseconds. */
const DRAW_EVERY_MS = 200;

/** The last message of each topic, in the order of the topics. */
class Table implements View {
  readonly #terminal: Terminal;
  readonly #lines: Redrawn;
  readonly #last = new Map<string, { at: Date; text: string }>();
  #passedOver = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#lines = new Redrawn(terminal);
  }

  show({ topic, payload }: Incoming): boolean {
    this.#timer ??= setTimeout(() => this.#draw(), DRAW_EVERY_MS);
    if (!this.#last.has(topic) && this.#last.size >= MOST_TOPICS) {
      this.#passedOver++;
      return false;
    }
    const text = asText(payload.subarray(0, 4 * LONGEST_PAYLOAD)).slice(0, LONGEST_PAYLOAD);
    this.#last.set(topic, { at: new Date(), text });
    return true;
  }

  note(text: string): void {
    this.#lines.erase();
    this.#terminal.err(`${singleLine(text)}\n`);
    this.#draw();
  }

  end(): void {
    this.#draw();
    this.#lines.leave();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#last.size === 0) return;
    const rows = [...this.#last]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([topic, { at, text }]) => [topic, timeOfDay(at), text]);
    const lines = formatTable(["topic", "time", "payload"], rows).trimEnd().split("\n");
    if (this.#passedOver > 0)
      lines.push(`… ${counted(this.#passedOver, "message")} of further topics passed over`);
    this.#lines.draw(lines);
  }
}

/** Local time of the day. */
function timeOfDay(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

function asText(payload: Buffer): string {
  if (payload.length === 0) return "(empty)";
  // The end of a part may be half of a character.
  const isText = isUtf8(payload) || isUtf8(payload.subarray(0, -1)) || isUtf8(payload.subarray(0, -2));
  return isText ? payload.toString() : `(${payload.length} bytes that are not text)`;
}

/** The payload is JSON where it can be parsed, else text, or base64 where it is not text. */
function asJson({ topic, payload, retained, userProperties }: Incoming, { secrets }: Terminal): string {
  const at = new Date().toISOString();
  const properties = Object.keys(userProperties).length > 0 ? { properties: userProperties } : {};
  const content = isUtf8(payload)
    ? { payload: parsed(payload.toString()) }
    : { payload_base64: payload.toString("base64") };
  return JSON.stringify({ at, topic, retained, ...properties, ...content }, (_, inner: unknown) =>
    typeof inner === "string" ? secrets.blank(inner) : inner,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shortened(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
