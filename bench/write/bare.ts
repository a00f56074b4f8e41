/** The reference: a process that only listens to a topic and posts the same shedLoad for each message. */
import mqtt from "mqtt";
import { bareCall } from "./bare-call.ts";

const [url, endpoint, username, password, stationID] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const limit = bareCall({ endpoint, username, password, stationID });
const client = await mqtt.connectAsync(url);
client.on("message", (_topic, payload) => limit(JSON.parse(payload.toString())));
await client.subscribeAsync("bench/bare", { qos: 1 });
process.stderr.write("ready\n");
