import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";

export interface Seen {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  /** Unpacked. */
  readonly body: string;
}

export type Respond = (seen: Seen, response: ServerResponse) => void;

/** An HTTP server in the place of InfluxDB that keeps what it was sent. Queries have empty answers; writes are answered by `respond`. */
export class HttpDouble {
  readonly seen: Seen[] = [];
  respond: Respond = (_, response) => void response.writeHead(204).end();
  respondToQuery: Respond = (_, response) => answer(response, 200, { results: [{ statement_id: 0 }] });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async run(): Promise<HttpDouble> {
    const double = new HttpDouble();
    await once(double.#server.listen(0, "127.0.0.1"), "listening");
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  get writes(): Seen[] {
    return this.seen.filter(({ path }) => path !== "/query");
  }

  /** Lines of all writes but those about topics. */
  get lines(): string[] {
    return this.writes.flatMap(({ body }) =>
      body.split("\n").filter((line) => line && !line.startsWith("meta,")),
    );
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const url = new URL(request.url ?? "", this.url);
    const packed = request.headers["content-encoding"] === "gzip";
    const seen = {
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: (packed ? gunzipSync(raw) : raw).toString(),
    };
    this.seen.push(seen);
    if (url.pathname !== "/query") this.respond(seen, response);
    else {
      const text = new URLSearchParams(seen.body).get("q") ?? url.searchParams.get("q") ?? "";
      if (/^show databases$/i.test(text))
        answer(response, 200, table("databases", ["name"], ["_internal", "voltbridge"]));
      else if (/^show retention policies/i.test(text))
        answer(response, 200, table("", ["name", "duration", "default"], ["autogen", "0s", true]));
      else this.respondToQuery({ ...seen, query: { ...seen.query, q: text } }, response);
    }
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function table(name: string, columns: string[], ...rows: unknown[][]): unknown {
  const values = columns.length === 1 ? rows.flat().map((value) => [value]) : rows;
  return { results: [{ statement_id: 0, series: [{ name, columns, values }] }] };
}
