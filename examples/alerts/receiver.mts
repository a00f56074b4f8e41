// Receives alerts, verifies their signatures (https://www.standardwebhooks.com), and prints each once:
//
//   export WEBHOOK_SECRET=$(openssl rand -base64 32)
//   node receiver.mts &
//   voltbridge alerts test receiver --config bridge.json
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";

const secret = process.env.WEBHOOK_SECRET ?? "";
const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
if (key.length < 24) throw new Error("set WEBHOOK_SECRET to at least 24 bytes in base64");

/** Ids of messages that were received; one may come again. */
const seen = new Set<string>();

function isOurs(headers: IncomingHttpHeaders, body: string): boolean {
  const id = String(headers["webhook-id"]);
  const seconds = String(headers["webhook-timestamp"]);
  if (!(Math.abs(Date.now() / 1000 - Number(seconds)) < 300)) return false;
  const expected = Buffer.from(createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64"));
  const given = Buffer.from(String(headers["webhook-signature"]).slice("v1,".length));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  if (!isOurs(request.headers, body)) return void response.writeHead(401).end();
  response.writeHead(204).end();
  const id = String(request.headers["webhook-id"]);
  if (seen.has(id)) return;
  seen.add(id);
  const { type, data } = JSON.parse(body) as { type: string; data: { severity: string; text: string } };
  console.log(`${type} ${data.severity}: ${data.text}`);
});
server.listen(Number(process.env.PORT ?? 8099), "127.0.0.1");
