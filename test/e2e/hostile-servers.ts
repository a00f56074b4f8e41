/**
 * A process of many servers that harm whoever reads them without bounds: the path `/<n>` chooses how. Listens on the port
 * that is its argument, and is ended by a signal.
 */
import { createServer, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

const MB = 1024 * 1024;
/** A little less than the client takes of an answer. */
const MOST = 15.9 * MB;

const FLOOD = Buffer.alloc(64 * 1024, " ");
const packedFlood = gzipSync(
  Buffer.concat([Buffer.from("<?xml version='1.0'?><a>"), Buffer.alloc(200 * MB, " ")]),
);

const RECORD = "<stationData><stationID>1:7</stationID></stationData>";
const PORT = "<stationData><stationID>1:7</stationID><Port><portNumber>1</portNumber></Port></stationData>";

type Reply = (response: ServerResponse, operation: string) => void;

const KINDS: readonly Reply[] = [
  // 200 MB, and the same packed.
  (response) => {
    let left = (200 * MB) / FLOOD.byteLength;
    response.writeHead(200, { "content-type": "text/xml" }).write("<?xml version='1.0'?><a>");
    const more = (): void => {
      while (left-- > 0 && !response.destroyed)
        if (!response.write(FLOOD)) return void response.once("drain", more);
      response.end();
    };
    more();
  },
  (response) => packed(response, packedFlood),
  // No SOAP, of as many elements as fit.
  whole((operation) => filled("<a>", `<${operation}/>`, "</a>")),
  // An answer of thousands of records that nobody asked for, and others packed.
  whole((operation) => filled(...envelope(operation), RECORD, 2_000)),
  whole((operation) => filled(...envelope(operation), PORT, 1_000), true),
  // The same with a tag that only the slower reader can tell, as many as that takes.
  whole((operation) => filled(...envelope(operation), `<?x?>${RECORD}`, 1_500)),
  // Nested, all attributes, one text.
  whole(() => Buffer.from(`${"<a>".repeat(2_000_000)}`)),
  whole(() => Buffer.from(`<a ${Array.from({ length: 1_000_000 }, (_, n) => `a${n}="1"`).join(" ")}/>`)),
  whole((operation) => filled(...envelope(operation), "x")),
  // Half an answer of long texts at once, the rest never.
  (response, operation) => {
    const body = filled(
      ...envelope(operation),
      `<stationData><Description>${"x".repeat(900_000)}</Description></stationData>`,
    );
    response.writeHead(200, { "content-type": "text/xml", "content-length": body.byteLength });
    response.write(body.subarray(0, body.byteLength / 2));
  },
];

function whole(make: (operation: string) => Buffer, isPacked = false): Reply {
  const made = new Map<string, Buffer>();
  return (response, operation) => {
    const body = made.get(operation) ?? (isPacked ? gzipSync(make(operation)) : make(operation));
    made.set(operation, body);
    if (isPacked) packed(response, body);
    else response.writeHead(200, { "content-type": "text/xml" }).end(body);
  };
}

function packed(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { "content-type": "text/xml", "content-encoding": "gzip" }).end(body);
}

function envelope(operation: string): [open: string, close: string] {
  const answer = `${operation}Response`;
  return [
    `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><${answer}><responseCode>100</responseCode>`,
    `</${answer}></e:Body></e:Envelope>`,
  ];
}

/** So many of the same between two tags, or as many as fit. */
function filled(open: string, close: string, part: string, most = Number.POSITIVE_INFINITY): Buffer {
  const times = Math.min(most, Math.floor((MOST - open.length - close.length) / part.length));
  return Buffer.from(open + part.repeat(times) + close);
}

const server = createServer((request, response) => {
  const operation = /\/(\w+)"?$/.exec(String(request.headers.soapaction))?.[1] ?? "unknown";
  response.on("error", () => undefined);
  request.resume().on("end", () => {
    const nth = Number(/^\/(\d+)/.exec(request.url ?? "")?.[1] ?? 0);
    KINDS[nth % KINDS.length]!(response, operation);
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
