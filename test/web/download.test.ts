import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type HttpBindings, serve } from "@hono/node-server";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { afterEach, describe, expect, test } from "vitest";
import { createLog } from "../../src/log/log.ts";
import { parquetPieces } from "../../src/storage/parquet.ts";
import { download } from "../../src/web/server/download.ts";
import { eventually } from "../helpers/eventually.ts";

const FILE = { name: "x.csv", type: "text/csv" };
const log = createLog({ level: "silent" });
const PIECE = "x".repeat(64 * 1024);

describe("a download", () => {
  let server: Server;
  let client: ClientRequest;
  afterEach(() => {
    client?.destroy();
    server?.close();
  });

  async function open(pieces: AsyncGenerator<string | Uint8Array>): Promise<IncomingMessage> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.use(compress({ encoding: "gzip" }));
    app.get("/", (c) => download(pieces, FILE, { outgoing: c.env.outgoing, log }));
    server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    await once(server, "listening");
    client = request({ port: (server.address() as AddressInfo).port }).end();
    client.on("error", () => undefined);
    const [response] = (await once(client, "response")) as [IncomingMessage];
    return response;
  }

  /** Resolves when a count has not changed for a while. */
  async function settled(count: () => number): Promise<number> {
    for (let before = -1; before !== count(); await pause(100)) before = count();
    return count();
  }

  test.each([
    ["text", (made: () => void) => endless(made)],
    ["Parquet", (made: () => void) => parquetPieces([{ name: "a", type: "text" }], endlessRows(made))],
  ])("of endless %s is made no faster than it is taken, and ends when the client goes", async (_, make) => {
    let made = 0;
    let isEnded = false;
    const pieces = make(() => made++);
    const watched = async function* () {
      try {
        yield* pieces;
      } finally {
        isEnded = true;
      }
    };
    const response = await open(watched());
    await once(response, "readable");
    const before = await settled(() => made);
    expect(isEnded).toBe(false);
    response.read();
    client.destroy();
    await eventually(() => expect(isEnded).toBe(true));
    expect((await settled(() => made)) - before).toBeLessThan(30_000);
  });

  test("that fails on its way is broken off, not ended as if it were whole", async () => {
    const whole = open(
      (async function* () {
        yield PIECE;
        throw new Error("the store is gone");
      })(),
    ).then((response) => once(response.resume(), "end"));
    await expect(whole).rejects.toThrow(/aborted|hang up/);
  });

  test("that cannot begin throws before anything is sent", async () => {
    const pieces = (async function* () {
      yield await Promise.reject(new Error("no such topic"));
    })();
    const outgoing = {} as HttpBindings["outgoing"];
    await expect(download(pieces, FILE, { outgoing, log })).rejects.toThrow("no such topic");
  });
});

async function* endless(made: () => void) {
  for (;;) {
    made();
    yield PIECE;
  }
}

async function* endlessRows(made: () => void) {
  for (let row = 0; ; row++) {
    made();
    yield [`${row} ${Math.random()} ${Math.random()}`];
  }
}
