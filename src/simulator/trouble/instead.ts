import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { sendText, XML_TYPE } from "../send.ts";
import { bomb, externalEntity, HTML_PAGE, largeAnswer } from "./documents.ts";
import type { InsteadEffect } from "./effect.ts";
import { fallSilent } from "./patience.ts";
import type { Struck } from "./trouble.ts";

/** Text that differs from any of the service itself. */
export type Rude = Exclude<InsteadEffect, { kind: "code" | "fault" }>;

const DEFAULT_MEGABYTES = 200;

/** Replaces the answer as a trouble requires. Returns whether something complete was sent. */
export async function sendInstead(
  request: IncomingMessage,
  response: ServerResponse,
  operation: string,
  { effect, over }: Struck<Rude>,
): Promise<boolean> {
  switch (effect.kind) {
    case "status":
      if (effect.retryAfterSeconds !== undefined) {
        response.setHeader("Retry-After", String(effect.retryAfterSeconds));
      }
      sendText(response, effect.status, "Trouble on request.\n");
      return true;
    case "redirect":
      response.setHeader("Location", effect.location);
      sendText(response, effect.status ?? 302, "Trouble on request.\n");
      return true;
    case "html":
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(HTML_PAGE);
      return true;
    case "bomb":
      response.writeHead(200, { "Content-Type": XML_TYPE }).end(bomb(effect.shape, operation));
      return true;
    case "externalEntity":
      response.writeHead(200, { "Content-Type": XML_TYPE }).end(externalEntity(effect.url, operation));
      return true;
    case "large": {
      const pieces = Readable.from(largeAnswer(effect.megabytes ?? DEFAULT_MEGABYTES, operation));
      response.setHeader("Content-Type", XML_TYPE);
      if (!effect.packed) await pipeline(pieces, response);
      else await pipeline(pieces, createGzip({ level: 1 }), response.setHeader("Content-Encoding", "gzip"));
      return true;
    }
    case "hang":
      await fallSilent(over, response);
      return false;
    case "reset":
      request.socket.resetAndDestroy();
      return false;
  }
}
