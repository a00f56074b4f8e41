import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { SERVER_NAME, sendXml, XML_TYPE } from "../send.ts";
import type { DeliveryEffect } from "./effect.ts";
import { fallSilent, pause } from "./patience.ts";
import type { Struck } from "./trouble.ts";

const DEFAULT_CHUNK = 100;
/** Maximum rate at which a slow answer continues, per second. */
const BEATS_PER_SECOND = 20;
const compress = promisify(gzip);

/** Sends an answer as a trouble requires. Returns whether all of it was sent, and intact. */
export async function deliver(
  request: IncomingMessage,
  response: ServerResponse,
  answer: { readonly status: number; readonly document: string },
  { effect, over }: Struck<DeliveryEffect>,
): Promise<boolean> {
  const { status, document } = answer;
  const body = Buffer.from(document);
  const head = (length: number): ServerResponse =>
    response.writeHead(status, { "Content-Type": XML_TYPE, "Content-Length": length });
  switch (effect.kind) {
    case "delay":
      await pause(effect.seconds * 1000, over, response);
      if (!response.destroyed) await sendXml(request, response, status, document);
      return !response.destroyed;
    case "slowHeaders": {
      const { socket } = request;
      const text =
        `HTTP/1.1 ${status} Slow\r\nServer: ${SERVER_NAME}\r\nContent-Type: ${XML_TYPE}\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      const seconds = effect.seconds / text.length;
      await trickle(Buffer.from(text), 1 / seconds, over, response, (piece) => socket.write(piece));
      socket.end(body);
      return !socket.destroyed;
    }
    case "drip":
      head(body.length);
      await trickle(body, effect.bytesPerSecond, over, response, (piece) => response.write(piece));
      response.end();
      return !response.destroyed;
    case "stall":
      head(body.length).write(body.subarray(0, effect.afterBytes));
      await fallSilent(over, response);
      return false;
    case "cut": {
      const sent = head(body.length);
      await new Promise((resolve) => sent.write(body.subarray(0, effect.afterBytes), resolve));
      response.destroy();
      return false;
    }
    case "lost":
      response.destroy();
      return false;
    case "length":
      head(Math.max(0, body.length + effect.by)).write(body);
      if (effect.by > 0) await fallSilent(over, response);
      else response.end();
      return false;
    case "chunked": {
      const size = effect.chunkBytes ?? DEFAULT_CHUNK;
      response.writeHead(status, { "Content-Type": XML_TYPE });
      for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
      response.end();
      return true;
    }
    case "gzip": {
      const packed = await compress(body);
      const sent = effect.broken ? packed.subarray(0, packed.length >> 1) : packed;
      response.setHeader("Content-Encoding", "gzip");
      head(sent.length).end(sent);
      return !effect.broken;
    }
    case "badUtf8": {
      const at = body.indexOf("</");
      const spoilt = Buffer.concat([
        body.subarray(0, at),
        Buffer.from([0xc3, 0x28, 0xff]),
        body.subarray(at),
      ]);
      head(spoilt.length).end(spoilt);
      return false;
    }
  }
}

/** Writes bytes at a rate; sends the rest at once where the trouble ends before. */
async function trickle(
  bytes: Buffer,
  bytesPerSecond: number,
  over: AbortSignal,
  response: ServerResponse,
  write: (piece: Buffer) => unknown,
): Promise<void> {
  const size = Math.max(1, Math.round(bytesPerSecond / BEATS_PER_SECOND));
  let at = 0;
  for (; at + size < bytes.length && !over.aborted && !response.destroyed; at += size) {
    write(bytes.subarray(at, at + size));
    await pause((1000 * size) / bytesPerSecond, over, response);
  }
  if (!response.destroyed) write(bytes.subarray(at));
}
