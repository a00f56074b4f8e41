import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "../log/log.ts";
import type { Metrics } from "./metrics.ts";

const PATH = "/metrics";
/** Bounds of what others can occupy. */
const BOUNDS = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 90_000,
  connectionsCheckingInterval: 5000,
};
const MAX_CONNECTIONS = 20;
/** Time in which a client must take an answer, in milliseconds. */
const ANSWER_MS = 30_000;

export interface MetricsListener {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Answers `GET /metrics`, and nothing else, on an address of its own, to every client that can reach it.
 * @throws Error where the address cannot be used
 */
export async function listen(
  metrics: Metrics,
  { host, port }: { readonly host: string; readonly port: number },
  log: Log,
): Promise<MetricsListener> {
  const server = createServer(BOUNDS, (request, response) => {
    answer(request, response, metrics).catch((error: unknown) => {
      log.error("the metrics could not be made", { err: error });
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end("the metrics could not be made; see the log of the bridge\n");
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(ANSWER_MS);
  server.listen(port, host);
  await once(server, "listening");
  server.on("error", (error) => log.error("the listener for metrics failed", { err: error }));
  const bound = server.address() as AddressInfo;
  const name = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${name}:${bound.port}${PATH}`,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, metrics: Metrics): Promise<void> {
  const path = request.url?.split("?", 1)[0];
  const plain = { "content-type": "text/plain; charset=utf-8" };
  if (path !== PATH) {
    response.writeHead(404, plain).end(`there is only ${PATH} here\n`);
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { ...plain, allow: "GET, HEAD" }).end("metrics can only be read\n");
  } else {
    const text = Buffer.from(await metrics.text());
    response
      .writeHead(200, {
        "content-type": metrics.contentType,
        "content-length": text.length,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      })
      .end(request.method === "HEAD" ? undefined : text);
  }
}
