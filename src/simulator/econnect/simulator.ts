import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createLog, type Log } from "../../log/log.ts";
import { HttpRefusal } from "../http/request-body.ts";
import { shutDown } from "../http/shutdown.ts";
import { sendJson } from "../send.ts";
import { type EconnectCall, EconnectService } from "./service.ts";
import { makeStations, type SimulatedStation } from "./stations.ts";
import { EconnectTroubles } from "./trouble.ts";

const MOST_STATIONS = 100_000;

export interface EconnectSimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** The same seed gives the same stations. Default 1. */
  readonly seed?: number;
  /** Default 100. */
  readonly stations?: number;
  /** Default 4711. */
  readonly businessPartner?: string;
  /** Generated where not given. */
  readonly username?: string;
  readonly password?: string;
  /** Default: silent. */
  readonly log?: Log;
}

export interface EconnectSimulator {
  readonly endpoint: string;
  readonly businessPartner: string;
  readonly username: string;
  readonly password: string;
  /** The contents of its stations. Changing them changes the network. */
  readonly stations: SimulatedStation[];
  readonly trouble: EconnectTroubles;
  /** Latest requests for pages, oldest first. */
  readonly calls: readonly EconnectCall[];
  /** Ends every connection, including hanging ones. */
  close(): Promise<void>;
}

/** Starts an eConnect Masterdata service with a network of its own. @throws RangeError; listen errors */
export async function startEconnectSimulator(
  options: EconnectSimulatorOptions = {},
): Promise<EconnectSimulator> {
  const count = options.stations ?? 100;
  if (!Number.isInteger(count) || count < 1 || count > MOST_STATIONS)
    throw new RangeError(`stations must be a whole number from 1 to ${MOST_STATIONS}, found ${count}`);
  const log = (options.log ?? createLog({ level: "silent" })).part("simulator");
  const account = {
    businessPartner: options.businessPartner ?? "4711",
    username: options.username ?? `sim${randomBytes(6).toString("hex")}`,
    password: options.password ?? randomBytes(12).toString("hex"),
  };
  const stations = makeStations(options.seed ?? 1, count);
  const trouble = new EconnectTroubles();
  const calls: EconnectCall[] = [];
  const service = new EconnectService({ ...account, stations, troubles: trouble, calls });
  const server = createServer((request, response) => {
    service.answer(request, response).catch((error: unknown) => {
      // The caller has disconnected, so only the log remains.
      if (response.destroyed) return log.debug("a request ended early", { err: error });
      if (error instanceof HttpRefusal) {
        if (error.status === 401) response.setHeader("WWW-Authenticate", 'Basic realm="masterdata"');
        return sendJson(response, error.status, { error: error.message });
      }
      log.error("a request could not be answered; this is a defect of the simulator", { err: error });
      response.destroy();
    });
  });
  server.listen({ port: options.port ?? 0, host: options.host ?? "127.0.0.1" });
  await once(server, "listening");
  const { address, family, port } = server.address() as AddressInfo;
  const endpoint = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  log.info("listening", { endpoint, stations: count });
  return {
    endpoint,
    ...account,
    stations,
    trouble,
    calls,
    close() {
      trouble.end();
      return shutDown(server);
    },
  };
}
