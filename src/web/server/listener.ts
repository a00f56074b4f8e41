import { once } from "node:events";
import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttps, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { Bindings } from "./app.ts";

/** Certificate chain and key, as PEM. */
export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain http. */
  readonly identity?: Identity | undefined;
}

/** Bounds that keep slow and greedy clients from holding the server up. Times in milliseconds. */
const BOUNDS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  maxHeaderSize: 16 * 1024,
  connectionsCheckingInterval: 2000,
};
const MOST_CONNECTIONS = 1200;
/** Time for which a stop waits for responses under way. */
const STOP_MS = 2000;

/** A server on one port. Rejects when the port is taken or the certificate cannot be used. */
export class Listener {
  readonly #server: Server | TlsServer;

  private constructor(server: Server | TlsServer) {
    this.#server = server;
  }

  static async open(
    app: Hono<{ Bindings: Bindings }>,
    { host, port, identity }: ListenOptions,
  ): Promise<Listener> {
    // hono's own Request and Response would replace those of the whole process.
    const listener = getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0], {
      overrideGlobalObjects: false,
    });
    const server = identity
      ? createHttps({ ...BOUNDS, ...identity }, listener)
      : createHttp(BOUNDS, listener);
    server.maxConnections = MOST_CONNECTIONS;
    server.listen(port, host);
    await once(server, "listening");
    return new Listener(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Uses another certificate for connections from now on. Throws where it cannot be used; the one before stays. */
  changeIdentity(identity: Identity): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(identity);
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), STOP_MS);
    await closed;
    clearTimeout(force);
  }
}
