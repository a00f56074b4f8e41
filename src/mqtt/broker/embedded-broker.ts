import { createServer, type Server, type Socket } from "node:net";
import type { Aedes, AuthenticateError } from "aedes";
import type { Log } from "../../log/log.ts";
import { fits, guardBroker, guardClient } from "./aedes-guards.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0: any free port; see {@link EmbeddedBroker.port}. */
  readonly port: number;
  /** Where set, every client must log in with them. */
  readonly username?: string;
  readonly password?: string;
  readonly log: Log;
}

/** Maximum number of connections, logged in or not. */
const MAXIMUM_CONNECTIONS = 1000;
/** Maximum size of a CONNECT packet, in bytes: it is buffered before the password is known. */
const MAXIMUM_CONNECT_BYTES = 64 * 1024;
/** Time for a client to send the head of its CONNECT packet, in milliseconds. Aedes waits for the rest. */
const HEAD_MS = 10_000;
/** Minimum pause between two warnings of refused connections, in milliseconds. */
const WARNING_PAUSE_MS = 60_000;

/** A broker inside the bridge: MQTT 5 and 3.1.1 over TCP, without persistence. */
export class EmbeddedBroker {
  readonly #server: Server;
  readonly #aedes: Aedes;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, aedes: Aedes, sockets: Set<Socket>) {
    this.#server = server;
    this.#aedes = aedes;
    this.#sockets = sockets;
  }

  /** Listens. Rejects with the setting to change where the port cannot be opened. */
  static async start(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
    const { host, port, username, password, log } = options;
    // Not loaded by a bridge that has a broker.
    const { Aedes } = await import("aedes");
    const aedes = await Aedes.createBroker({
      authorizeForward: (client, packet) => {
        if (fits(client, packet)) return packet;
        log.debug("a message is larger than a client of the embedded broker takes", {
          client: client.id,
          topic: packet.topic,
        });
        return null;
      },
      ...(username !== undefined && {
        authenticate: (_client, name, word, done) => {
          const known = name === username && (word?.toString() ?? "") === (password ?? "");
          if (known) done(null, true);
          else done(notAuthorized(), null);
        },
      }),
    });
    guardBroker(aedes);
    for (const event of ["clientError", "connectionError"] as const)
      aedes.on(event, (client, error) =>
        log.debug("a client of the embedded broker failed", { client: client?.id, err: error }),
      );
    // An "error" event without a listener would end the process, and Aedes has none.
    (aedes as NodeJS.EventEmitter).on("error", (error) =>
      log.error("the embedded broker failed", { err: error }),
    );
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      awaitConnect(socket, log, () => guardClient(aedes.handle(socket)));
    });
    server.maxConnections = MAXIMUM_CONNECTIONS;
    let warnedAt = Number.NEGATIVE_INFINITY;
    server.on("drop", () => {
      if (performance.now() - warnedAt < WARNING_PAUSE_MS) return;
      warnedAt = performance.now();
      log.warn(
        `the embedded broker has ${MAXIMUM_CONNECTIONS} connections and refuses more; use a separate broker, e.g. Mosquitto, for a larger number of clients`,
      );
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, resolve);
      });
    } catch (cause) {
      aedes.close();
      throw listenError(host, port, cause as NodeJS.ErrnoException);
    }
    server.on("error", (error) => log.error("the embedded broker failed", { err: error }));
    return new EmbeddedBroker(server, aedes, sockets);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await Promise.race([new Promise<void>((resolve) => this.#aedes.close(resolve)), late()]);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Admits a client once the head of its first packet announces a CONNECT of a permitted size; disconnects it otherwise. */
function awaitConnect(socket: Socket, log: Log, admit: () => void): void {
  let head = Buffer.alloc(0);
  const refuse = (why: string): void => {
    log.debug("the embedded broker refused a connection", { address: socket.remoteAddress, why });
    socket.destroy();
  };
  const timer = setTimeout(() => refuse("it sent nothing"), HEAD_MS);
  socket.once("close", () => clearTimeout(timer));
  const failed = (error: Error): void => refuse(error.message);
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) return;
    head = Buffer.concat([head, chunk]);
    const size = connectSize(head);
    if (size === undefined) return;
    if (size > MAXIMUM_CONNECT_BYTES) {
      refuse("its first packet is too large or is not a CONNECT");
      return;
    }
    clearTimeout(timer);
    socket.off("readable", read).off("error", failed);
    socket.unshift(head);
    admit();
  };
  socket.on("error", failed).on("readable", read);
}

/** Returns the size that a CONNECT packet announces (MQTT 3.1.1 §2.2.3); undefined while the head is incomplete, infinite for any other packet. */
function connectSize(head: Buffer): number | undefined {
  if (head[0] !== CONNECT) return Number.POSITIVE_INFINITY;
  let size = 0;
  for (let at = 1; at <= LONGEST_LENGTH; at++) {
    const byte = head[at];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return size;
  }
  return Number.POSITIVE_INFINITY;
}

/** First byte of a CONNECT packet, and maximum number of length bytes after it. */
const CONNECT = 0x10;
const LONGEST_LENGTH = 4;

function late(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000).unref());
}

function notAuthorized(): AuthenticateError {
  // 4: bad user name or password (MQTT 3.1.1 §3.2.2.3). The type is a const enum, which has no value at run time.
  return Object.assign(new Error("bad user name or password"), { returnCode: 4 }) as AuthenticateError;
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): Error {
  const why: Record<string, string> = {
    EADDRINUSE: "is taken by another program; stop that, or set another port",
    EACCES: "may not be opened by this user; set a port of 1024 or more",
    EADDRNOTAVAIL: "cannot be opened: this machine has no such address; set another host",
  };
  return new Error(
    `mqtt.embedded: port ${port} on ${host} ${why[cause.code ?? ""] ?? `cannot be opened: ${cause.message}`}`,
    { cause },
  );
}
