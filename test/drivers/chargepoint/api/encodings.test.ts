import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { buildResponse } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { connect, serve } from "./service.ts";

const { getStations } = operations;
const NAME = "Café Zürich";
const answer = (encoding: string) =>
  buildResponse(getStations, {
    responseCode: "100",
    stationData: [{ stationID: "1:2", stationName: NAME }],
  }).replace('encoding="UTF-8"', encoding);

const latin1 = (text: string) => Buffer.from(text, "latin1");

test.each<[string, string, Buffer]>([
  ["the HTTP header", "text/xml; charset=ISO-8859-1", latin1(answer(""))],
  [
    "the HTTP header, quoted, against the declaration",
    'text/xml;charset="iso-8859-1"',
    latin1(answer('encoding="UTF-8"')),
  ],
  ["the XML declaration", "text/xml", latin1(answer('encoding="ISO-8859-1"'))],
  [
    "the XML declaration, where the header wrongly says UTF-8",
    "text/xml; charset=utf-8",
    latin1(answer('encoding="iso-8859-1"')),
  ],
  ["the XML declaration: windows-1252", "text/xml", latin1(answer("encoding='windows-1252'"))],
  ["nobody: UTF-8", "text/xml", Buffer.from(answer(""))],
  [
    "the header: UTF-8, where the declaration is wrong",
    "text/xml; charset=utf-8",
    Buffer.from(answer('encoding="ISO-8859-1"')),
  ],
])("C19: the charset declared by %s", async (_who, contentType, body) => {
  const service = await serve((response) =>
    response.writeHead(200, { "content-type": contentType }).end(body),
  );
  const { client } = connect(service.endpoint);
  const { stationData } = await client.call(getStations, {});
  expect(stationData[0]?.stationName).toBe(NAME);
});

test.each([
  ["that nobody knows", "text/xml; charset=klingon", Buffer.from(answer(""))],
  ["that the bytes are not of", "text/xml; charset=utf-8", latin1(answer('encoding="UTF-8"'))],
])("C19: a charset %s is refused", async (_what, contentType, body) => {
  const service = await serve((response) =>
    response.writeHead(200, { "content-type": contentType }).end(body),
  );
  const { client } = connect(service.endpoint);
  await expect(client.call(getStations, {})).rejects.toMatchObject({
    name: "ProtocolError",
    fault: "encoding",
  });
});

test.each([1, 40, 3000])("C19: a gzip of several members, of %d records each", async (records) => {
  const stationData = Array.from({ length: records }, (_, nth) => ({
    stationID: `1:${nth}`,
    stationName: `${NAME} ${nth}`,
  }));
  const body = Buffer.from(buildResponse(getStations, { responseCode: "100", stationData }));
  const third = Math.ceil(body.byteLength / 3);
  const members = [0, 1, 2].map((nth) => gzipSync(body.subarray(nth * third, (nth + 1) * third)));
  const service = await serve((response) =>
    response
      .writeHead(200, { "content-type": "text/xml", "content-encoding": "gzip" })
      .end(Buffer.concat(members)),
  );
  const { client } = connect(service.endpoint, { deadlineMs: 20_000 });
  const read = await client.call(getStations, {});
  expect(read.stationData.at(-1)?.stationName).toBe(`${NAME} ${records - 1}`);
});
