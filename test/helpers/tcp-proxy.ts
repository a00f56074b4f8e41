import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

/** A proxy in front of a server on 127.0.0.1, for cutting connections where neither end wants it. */
export class TcpProxy {
  readonly port: number;
  /** Connections taken so far. */
  accepted = 0;
  /** Ends every new connection at once. */
  refusing = false;
  readonly #server: Server;
  readonly #pairs: Set<readonly [Socket, Socket]>;

  private constructor(server: Server, pairs: Set<readonly [Socket, Socket]>) {
    this.#server = server;
    this.#pairs = pairs;
    this.port = (server.address() as { port: number }).port;
  }

  static async before(port: number): Promise<TcpProxy> {
    const pairs = new Set<readonly [Socket, Socket]>();
    const server = createServer((near) => {
      proxy.accepted++;
      near.on("error", () => undefined);
      if (proxy.refusing) {
        near.resetAndDestroy();
        return;
      }
      const far = createConnection({ port, host: "127.0.0.1", noDelay: true });
      near.setNoDelay(true);
      far.on("error", () => undefined);
      const pair = [near, far] as const;
      pairs.add(pair);
      near.pipe(far).pipe(near);
      for (const [one, other] of [pair, [far, near] as const])
        one.once("close", () => {
          other.destroy();
          pairs.delete(pair);
        });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new TcpProxy(server, pairs);
    return proxy;
  }

  /** Resets every connection, as a network that breaks. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
