/** The reference: a server with one route of hono that answers a fixed body, or posts one shedLoad for each request. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { request } from "undici";
import { securityHeader } from "../../src/drivers/chargepoint/api/documents/security.ts";
import { buildRequest, soapAction } from "../../src/drivers/chargepoint/api/documents/soap.ts";
import { shedLoad } from "../../src/drivers/chargepoint/api/operations/shed-load.ts";
import "../write/leaving.ts";

const [endpoint, username, password, stationID] = process.argv.slice(2) as string[];
const security = securityHeader({ username: username!, password: password! });
const app = new Hono();
app.get("/", (c) => c.json({ values: [] }));
app.post("/set", async (c) => {
  const { value } = await c.req.json();
  const shedStation = { stationID: stationID!, allowedLoadPerStation: value };
  const { body } = await request(endpoint!, {
    method: "POST",
    headers: { "content-type": "text/xml; charset=utf-8", soapaction: soapAction(shedLoad) },
    body: buildRequest(shedLoad, { shedQuery: { shedStation, timeInterval: 60 } }, security),
  });
  await body.arrayBuffer();
  return c.json({});
});
const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
server.listen(0, "127.0.0.1", () =>
  process.stderr.write(`ready ${(server.address() as AddressInfo).port}\n`),
);
