/** A session service in a thread of its own that makes its pages as fast as they can be made. Sends its port when it listens. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

const { count } = workerData as { readonly count: number };
const PAGE = 100;
const START = Date.UTC(2026, 0, 1);
const SPACING_MS = 10_000;
const STATIONS = 200;
/** What does not change between sessions. */
const REST =
  "<Address>1692 Dell Avenue</Address><City>Campbell</City><State>California</State><Country>United States</Country><postalCode>95008</postalCode>";

const time = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

function record(index: number, recordNumber: number): string {
  const start = START + index * SPACING_MS;
  return (
    `<ChargingSessionData><stationID>1:${100_000 + (index % STATIONS)}</stationID><stationName>ACME / GARAGE ${index % STATIONS}</stationName>` +
    `<portNumber>${1 + (index % 2)}</portNumber>${REST}<sessionID>${910_000_001 + index}</sessionID><Energy>${(index % 4000) / 100}</Energy>` +
    `<startTime>${time(start)}</startTime><endTime>${time(start + 3_600_000)}</endTime><totalChargingDuration>00:55:10</totalChargingDuration>` +
    `<totalSessionDuration>01:00:00</totalSessionDuration><userID>${200_000 + (index % 5000)}</userID><recordNumber>${recordNumber}</recordNumber>` +
    `<credentialID>CNCP${index % 5000}</credentialID><endedBy>Plug Out at Vehicle</endedBy><vehicleMake>Nissan</vehicleMake>` +
    "<vehicleModel>Leaf</vehicleModel><vehicleModelYear>2024</vehicleModelYear></ChargingSessionData>"
  );
}

function answer(operation: string, code: string, content: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>' +
    `<n:${operation}Response xmlns:n="urn:dictionary:com.chargepoint.webservices"><responseCode>${code}</responseCode>` +
    `<responseText>x</responseText>${content}</n:${operation}Response></S:Body></S:Envelope>`
  );
}

function page(request: string): string {
  const operation = /<\w+:(get\w+)[ >]/.exec(request)?.[1] ?? "getChargingSessionData";
  const from = /<fromTimeStamp>([^<]+)</.exec(request)?.[1];
  if (operation !== "getChargingSessionData" || from === undefined) return answer(operation, "136", "");
  const first = Math.max(0, Math.ceil((Date.parse(from) - START) / SPACING_MS));
  const number = Number(/<startRecord>(\d+)</.exec(request)?.[1] ?? 1);
  const begin = first + number - 1;
  const end = Math.min(count, begin + PAGE);
  let records = "";
  for (let index = begin; index < end; index++) records += record(index, number + index - begin);
  return answer(operation, "100", `${records}<MoreFlag>${end < count ? 1 : 0}</MoreFlag>`);
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => {
    response.writeHead(200, { "content-type": "text/xml; charset=utf-8" });
    response.end(page(body));
  });
});
server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));
