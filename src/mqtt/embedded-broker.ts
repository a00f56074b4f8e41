import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError } from "aedes";
import type { Log } from "../log.ts";

export interface EmbeddedBrokerOptions {
  readonly host: string;
  /** 0 takes a free one; see {@link EmbeddedBroker.port}. */
  readonly port: number;
  /** Where given, every client must name them. */
  readonly username?: string;
  readonly password?: string;
  readonly log: Log;
}

/** A broker inside the bridge: MQTT 3.1.1 over TCP, nothing kept over a restart. */
export class EmbeddedBroker {
  readonly #server: Server;
  readonly #aedes: Aedes;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, aedes: Aedes, sockets: Set<Socket>) {
    this.#server = server;
    this.#aedes = aedes;
    this.#sockets = sockets;
  }

  /** Listens. Rejects with the setting to change where the port cannot be had. */
  static async start(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
    const { host, port, username, password, log } = options;
    const aedes = await Aedes.createBroker({
      ...(username !== undefined && {
        authenticate: (_client, name, word, done) => {
          const known = name === username && (word?.toString() ?? "") === (password ?? "");
          if (known) done(null, true);
          else done(notAuthorized(), null);
        },
      }),
    });
    for (const event of ["clientError", "connectionError"] as const)
      aedes.on(event, (client, error) =>
        log.debug("a client of the embedded broker failed", { client: client?.id, err: error }),
      );
    // Aedes says so of itself and has no listener of its own; unheard it would end the process.
    (aedes as NodeJS.EventEmitter).on("error", (error) => log.error("embedded broker", { err: error }));
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      aedes.handle(socket);
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
    server.on("error", (error) => log.error("embedded broker", { err: error }));
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
