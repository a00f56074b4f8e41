import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { type Log, messageOf, printable, type Secrets } from "../log/log.ts";
import { Outages } from "../log/outages.ts";
import { type Clock, systemClock } from "../time/clock.ts";

const PROGRAM = "systemd-notify";
const OUTAGE = "service manager";
/** Minimum time between two status texts, in milliseconds. */
const STATUS_MS = 3000;
/** Maximum length of a status text, in characters: one line of `systemctl status` on a wide terminal, or a few. */
const MAX_STATUS = 400;

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Blanked in status texts. */
  readonly secrets: Secrets;
  readonly clock?: Clock;
}

/**
 * Reports to the service manager that started this process, as sd_notify(3) describes: ready, a status text, stopping, and
 * the watchdog's keep-alive, which a blocked event loop does not send. Without `NOTIFY_SOCKET` it does nothing.
 *
 * Node cannot send datagrams to Unix sockets, so each message is sent by `systemd-notify`: one at a time, and what comes up
 * meanwhile is one message after it.
 */
export class ServiceManager {
  readonly #env: ServiceManagerOptions["env"];
  readonly #log: Log;
  readonly #secrets: Secrets;
  readonly #clock: Clock;
  readonly #outages: Outages;
  readonly #waiting = new Map<string, string>();
  readonly #timers = new Map<string, () => void>();
  readonly #relay: Relay;
  #isPresent: boolean;
  #isSending = false;
  #lastStatus: string | undefined;

  constructor({ env, log, secrets, clock = systemClock }: ServiceManagerOptions) {
    this.#env = env;
    this.#log = log.part("service");
    this.#outages = new Outages({ log: this.#log, clock });
    this.#secrets = secrets;
    this.#clock = clock;
    this.#isPresent = Boolean(env.NOTIFY_SOCKET);
    this.#relay = new Relay(env);
    if (this.#isPresent) this.#relay.start();
  }

  /** Reports that all parts run, then each change of `status`, and feeds the watchdog. */
  ready(status: () => string): void {
    if (!this.#isPresent) return;
    this.#send("READY", "1");
    this.#sendStatus(status());
    this.#every("status", STATUS_MS, () => {
      this.#sendStatus(status());
      // What failed before.
      if (this.#waiting.size > 0) this.#sendSoon();
    });
    const watchdogMs = this.#watchdogMs();
    if (watchdogMs !== undefined) this.#every("watchdog", watchdogMs / 2, () => this.#send("WATCHDOG", "1"));
  }

  /** Reports that the process ends. The service manager then has its own deadline, and needs no more keep-alives. */
  stopping(): void {
    this.#outages.stop();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#waiting.clear();
    this.#send("STOPPING", "1");
    this.#sendStatus("stopping: waiting values are written to disk");
  }

  /** Returns the time after which a process without keep-alive is ended, if it is this process that is watched. */
  #watchdogMs(): number | undefined {
    const { WATCHDOG_USEC, WATCHDOG_PID } = this.#env;
    if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined;
    const microseconds = Number(WATCHDOG_USEC);
    return microseconds > 0 ? microseconds / 1000 : undefined;
  }

  #every(name: string, ms: number, act: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#every(name, ms, act);
      act();
    });
    this.#timers.set(name, cancel);
  }

  #sendStatus(status: string): void {
    if (status === this.#lastStatus) return;
    this.#lastStatus = status;
    const line = printable(this.#secrets.blank(status)).replace(/\s+/g, " ");
    this.#send("STATUS", line.length > MAX_STATUS ? `${line.slice(0, MAX_STATUS - 1)}…` : line);
  }

  #send(name: string, value: string): void {
    if (!this.#isPresent) return;
    this.#waiting.set(name, value);
    this.#sendSoon();
  }

  #sendSoon(): void {
    if (!this.#isSending) void this.#sendWaiting();
  }

  async #sendWaiting(): Promise<void> {
    this.#isSending = true;
    // What is reported together is one message.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const sent = [...this.#waiting];
      this.#waiting.clear();
      try {
        await this.#relay.send(sent.map(([name, value]) => `${name}=${value}`));
        this.#outages.ended(OUTAGE, { text: "the service manager accepts reports again" });
      } catch (error) {
        this.#failed(error);
        for (const [name, value] of sent)
          if (this.#isPresent && name !== "WATCHDOG" && !this.#waiting.has(name))
            this.#waiting.set(name, value);
        break;
      }
    }
    this.#isSending = false;
  }

  #failed(error: unknown): void {
    if (!(error instanceof NotInstalledError)) {
      const text = "cannot report to the service manager";
      this.#outages.failed({
        ...{ key: OUTAGE, kind: "service_manager_away", text, cause: messageOf(error), next: "retrying" },
      });
      return;
    }
    this.#isPresent = false;
    this.#waiting.clear();
    for (const cancel of this.#timers.values()) cancel();
    this.#log.warn(
      `${PROGRAM} is not installed, so the service manager does not learn that this process is ready; install it (Debian: package systemd), or set Type=exec and WatchdogSec=0 in the unit`,
    );
  }
}

/** What the relay runs: `systemd-notify` with the tab-separated words of each line, answered by its exit code and output. */
const RELAY = `set -f; IFS='\t'
while read -r line; do
  said=$(${PROGRAM} $line 2>&1)
  printf '%s %s\\0' "$?" "$said"
done`;
/** The shell's exit code for a program that it does not find. */
const NOT_FOUND = 127;

class NotInstalledError extends Error {}

/**
 * A shell that starts `systemd-notify` for each message and ends with this process. A fork of the bridge itself would block its
 * event loop, for 50 ms where it has 370 MB (measured); this way there is one, early.
 */
class Relay {
  readonly #env: ServiceManagerOptions["env"];
  #child: ChildProcessWithoutNullStreams | undefined;
  #said = "";
  #answer: (said: string | undefined) => void = () => {};

  constructor(env: ServiceManagerOptions["env"]) {
    this.#env = env;
  }

  start(): ChildProcessWithoutNullStreams {
    if (this.#child) return this.#child;
    const { NOTIFY_SOCKET, PATH } = this.#env;
    const child = spawn("/bin/sh", ["-c", RELAY], { stdio: "pipe", env: { NOTIFY_SOCKET, PATH } });
    this.#child = child;
    this.#said = "";
    const ended = () => {
      if (this.#child === child) this.#child = undefined;
      this.#answer(undefined);
    };
    child.on("error", ended);
    child.on("exit", ended);
    // Its end is handled above.
    child.stdin.on("error", () => {});
    child.stdout.on("data", (chunk: Buffer) => {
      this.#said += chunk;
      if (!this.#said.endsWith("\0")) return;
      this.#answer(this.#said.slice(0, -1));
      this.#said = "";
    });
    // A message must not keep a stopped process alive.
    child.unref();
    for (const stream of child.stdio) (stream as Socket).unref();
    return child;
  }

  /** Sends one message, after the previous one. Rejects where that fails. */
  async send(lines: readonly string[]): Promise<void> {
    const child = this.start();
    const said = await new Promise<string | undefined>((resolve) => {
      this.#answer = resolve;
      child.stdin.write(`${lines.join("\t")}\n`);
    });
    if (said === undefined) throw new Error("the shell that starts it has ended");
    const [code] = said.split(" ", 1);
    if (Number(code) === NOT_FOUND) throw new NotInstalledError();
    if (Number(code) !== 0) throw new Error(`${PROGRAM} ended with ${said}`);
  }
}
