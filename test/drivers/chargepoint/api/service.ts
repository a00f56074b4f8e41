import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import {
  type CallRecord,
  ChargePointClient,
  type ClientOptions,
} from "../../../../src/drivers/chargepoint/api/client.ts";
import { buildResponse } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { hurried } from "../../../helpers/hurried.ts";

export const USERNAME = "canary-user-0ce43d30292f";
export const PASSWORD = "canary-password-<&\"'>-da2f8dca";

/** A good answer to getLoad. */
export const GOOD = buildResponse(operations.getLoad, {
  responseCode: "100",
  stationData: [{ stationID: "1:2", stationLoad: 3.5 }],
});

export interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: string[];
  readonly body: string;
}

export interface Service {
  readonly endpoint: string;
  /** Requests that came in whole. */
  readonly received: Received[];
  /** Connections made so far. */
  readonly connections: () => number;
}

export type Reply = (response: ServerResponse, request: IncomingMessage, nth: number) => void;

/** A service on loopback that answers by `reply`; stopped when the test is over. */
export async function serve(reply: Reply, tls?: ServerOptions): Promise<Service> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const listener: RequestListener = async (request, response) => {
    const body = await text(request).catch(() => null);
    if (body === null) return;
    received.push({ headers: request.headers, rawHeaders: request.rawHeaders, body });
    reply(response, request, received.length);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const endpoint = `${tls ? "https" : "http"}://${tls ? "localhost" : "127.0.0.1"}:${port}/webservices/5.1`;
  return { endpoint, received, connections: () => connections };
}

/** A client of it that does not wait between attempts; closed when the test is over. */
export function connect<C extends ChargePointClient = ChargePointClient>(
  endpoint: string,
  options: Partial<ClientOptions> = {},
  Client: new (options: ClientOptions) => C = ChargePointClient as unknown as new () => C,
): { client: C; calls: CallRecord[]; waits: number[] } {
  const calls: CallRecord[] = [];
  const waits: number[] = [];
  const client = new Client({
    endpoint,
    username: USERNAME,
    password: PASSWORD,
    retries: 0,
    deadlineMs: 3_000,
    random: () => 1,
    clock: hurried((ms) => void waits.push(ms)),
    onCall: (call) => calls.push(call),
    ...options,
  });
  onTestFinished(() => client.close());
  return { client, calls, waits };
}

export function xml(response: ServerResponse, body: string | Uint8Array, status = 200): void {
  response.writeHead(status, { "content-type": "text/xml; charset=utf-8" }).end(body);
}
