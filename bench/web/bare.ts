/** The reference: a server with one route of hono that answers a fixed body, or posts one shedLoad for each request. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { bareCall } from "../write/bare-call.ts";

const [endpoint, username, password, stationID] = process.argv.slice(2) as [string, string, string, string];
const limit = bareCall({ endpoint, username, password, stationID });
const app = new Hono();
app.get("/", (c) => c.json({ values: [] }));
app.post("/set", async (c) => {
  const { value } = await c.req.json();
  await limit(value);
  return c.json({});
});
const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
server.listen(0, "127.0.0.1", () =>
  process.stderr.write(`ready ${(server.address() as AddressInfo).port}\n`),
);
