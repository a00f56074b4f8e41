import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "./mosquitto.ts";
import { PYTHON } from "./python.ts";

export const hasNotify = (): boolean => findProgram("systemd-notify") !== undefined;
export const hasAnalyze = (): boolean => findProgram("systemd-analyze") !== undefined;

/** Node cannot open such a socket. Prints each datagram as a line of JSON. */
const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", chr(0), 1))
print("[]", flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode().split("\\n")), flush=True)
`;

export interface Message {
  readonly lines: readonly string[];
  /** By `performance.now()`. */
  readonly at: number;
}

/** The socket of a service manager: what it gets. */
export class NotifySocket {
  /** Value of `NOTIFY_SOCKET`. */
  readonly address: string;
  readonly messages: Message[] = [];
  readonly #folder: string;
  readonly #receiver: ChildProcess;
  #wake: (() => void)[] = [];

  private constructor(
    isAbstract: boolean,
    path = join(mkdtempSync(join(tmpdir(), "voltbridge-notify-")), "socket"),
  ) {
    this.#folder = dirname(path);
    mkdirSync(this.#folder, { recursive: true });
    this.address = isAbstract ? `@${path}` : path;
    this.#receiver = spawn(PYTHON, ["-c", RECEIVER, this.address], { stdio: ["ignore", "pipe", "inherit"] });
    const kill = () => void this.#receiver.kill("SIGKILL");
    process.once("exit", kill);
    this.#receiver.once("exit", () => process.off("exit", kill));
  }

  /** `path`: that of an earlier one. */
  static async open({
    isAbstract = false,
    path,
  }: {
    isAbstract?: boolean;
    path?: string;
  } = {}): Promise<NotifySocket> {
    const socket = new NotifySocket(isAbstract, path);
    const lines = createInterface({ input: socket.#receiver.stdout! });
    await once(lines, "line");
    lines.on("line", (text) => {
      const received: string[] = JSON.parse(text);
      // systemd-notify asks with it whether the message was handled; the answer is that the descriptor with it is closed.
      if (received[0] === "BARRIER=1") return;
      socket.messages.push({ lines: received, at: performance.now() });
      for (const wake of socket.#wake.splice(0)) wake();
    });
    return socket;
  }

  /** All lines so far that begin with a name. */
  of(name: string): string[] {
    return this.messages.flatMap(({ lines }) => lines.filter((line) => line.startsWith(`${name}=`)));
  }

  /** Resolves with the first line, from message `from` on, that matches. */
  async got(pattern: RegExp, { from = 0, deadlineMs = 20_000 } = {}): Promise<string> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const line = this.messages
        .slice(from)
        .flatMap(({ lines }) => lines)
        .find((one) => pattern.test(one));
      if (line !== undefined) return line;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no ${pattern} in ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async close(): Promise<void> {
    const ended = once(this.#receiver, "exit");
    this.#receiver.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
