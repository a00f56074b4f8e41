/** The reference: a process that only listens to a topic and posts the same shedLoad for each message. */
import mqtt from "mqtt";
import { request } from "undici";
import { securityHeader } from "../../src/drivers/chargepoint/api/documents/security.ts";
import { buildRequest, soapAction } from "../../src/drivers/chargepoint/api/documents/soap.ts";
import { shedLoad } from "../../src/drivers/chargepoint/api/operations/shed-load.ts";
import "./leaving.ts";

const [url, endpoint, username, password, stationID] = process.argv.slice(2) as string[];
const security = securityHeader({ username: username!, password: password! });
const client = await mqtt.connectAsync(url!);
client.on("message", async (_topic, payload) => {
  const kw = JSON.parse(payload.toString());
  const shedStation = { stationID: stationID!, allowedLoadPerStation: kw };
  const { body } = await request(endpoint!, {
    method: "POST",
    headers: { "content-type": "text/xml; charset=utf-8", soapaction: soapAction(shedLoad) },
    body: buildRequest(shedLoad, { shedQuery: { shedStation, timeInterval: 60 } }, security),
  });
  await body.arrayBuffer();
});
await client.subscribeAsync("bench/bare", { qos: 1 });
process.stderr.write("ready\n");
