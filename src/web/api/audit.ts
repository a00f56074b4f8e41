import { Type } from "typebox";
import { auditCsv, findAudit, type Historian } from "../../historian/index.ts";
import { WRITE_STATUSES } from "../../points/index.ts";
import type { WebParts } from "../parts.ts";
import { list, nameText, record, value, words } from "../schemas.ts";
import { fileName, MEDIA_TYPES } from "../server/download.ts";
import { type Route, route } from "../server/route.ts";
import { noStore } from "./history.ts";

const selection = {
  target: Type.Optional(nameText({ description: "A device, or `<device>/<point>`. Default: all." })),
  start: nameText({ default: "now -30d", description: "At or after this time, as in /history." }),
  end: Type.Optional(nameText({ description: "Before this time." })),
  requester: Type.Optional(nameText()),
  status: Type.Optional(words(WRITE_STATUSES)),
};

const text = Type.Optional(Type.String());

/** Every write attempt: who, what, through which interface, and its outcome. */
export function auditRoutes({ historian, now }: WebParts): Route[] {
  const store = (): Historian => {
    if (historian) return historian;
    throw noStore();
  };
  return [
    route({
      method: "GET",
      path: "/audit",
      role: "view",
      tag: "audit",
      summary: "Write attempts of every interface, from the store: the newest ones, oldest first.",
      query: record({
        ...selection,
        count: Type.Integer({ minimum: 1, maximum: 10_000, default: 1000 }),
      }),
      response: record({
        entries: list(
          Type.Object(
            {
              time: Type.String({ format: "date-time" }),
              target: Type.String({ description: "`<device>/<point>`, or a device." }),
              requester: text,
              via: text,
              action: text,
              from: Type.Optional(value),
              requested: Type.Optional(value),
              status: Type.Optional(Type.String({ description: "Absent: there was no answer." })),
              readBack: Type.Optional(value),
              code: text,
              text,
              error: text,
              tookMs: Type.Optional(Type.Number()),
              id: text,
            },
            {
              additionalProperties: true,
              description: "As it was stored, by this version or an earlier one.",
            },
          ),
        ),
      }),
      values: true,
      handle: async ({ query, signal }) => ({ entries: await findAudit(store(), query, signal) }),
    }),
    route({
      method: "GET",
      path: "/audit/download",
      role: "view",
      tag: "audit",
      summary: "Write attempts as CSV, oldest first.",
      query: record({
        ...selection,
        count: Type.Integer({ minimum: 1, maximum: 100_000, default: 100_000 }),
      }),
      content: ["text/csv"],
      async handle({ query, signal }) {
        return new Response(auditCsv(await findAudit(store(), query, signal)), {
          headers: {
            "content-type": MEDIA_TYPES.csv,
            "content-disposition": `attachment; filename="${fileName("audit", now(), "csv")}"`,
            "cache-control": "no-store",
          },
        });
      },
    }),
  ];
}
