import { Type } from "typebox";
import { ROLES } from "../../config/index.ts";
import type { Access } from "../access/access.ts";
import { isRefusal } from "../access/caller.ts";
import { record, words } from "../schemas.ts";
import { refused, webRequest } from "../server/app.ts";
import { Reply, type Route, route } from "../server/route.ts";

/** Log in and out. */
export function sessionRoutes(access: Access): Route[] {
  const tag = "session";
  return [
    route({
      method: "POST",
      path: "/session",
      role: "open",
      tag,
      summary: "Logs in: sets the cookie of a session.",
      body: record({
        name: Type.String({ maxLength: 200 }),
        password: Type.String({ maxLength: 1000 }),
      }),
      response: record({ name: Type.String(), role: words(ROLES) }),
      async handle({ body, raw, node }) {
        const result = await access.login(body.name, body.password, webRequest(raw, node));
        if (isRefusal(result)) throw refused(result);
        const { name, role } = result.caller;
        return new Reply(200, { name, role }, { "set-cookie": result.cookie });
      },
    }),
    route({
      method: "DELETE",
      path: "/session",
      role: "open",
      tag,
      summary: "Logs out: ends the session and removes its cookie.",
      others: { 204: undefined },
      handle({ raw, node }) {
        const result = access.logout(webRequest(raw, node));
        if (isRefusal(result)) throw refused(result);
        return new Reply(204, undefined, { "set-cookie": result.cookie });
      },
    }),
  ];
}
