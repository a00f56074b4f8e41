import { HttpRefusal } from "../http/request-body.ts";
import { parseTroubleRules } from "../trouble/rules.ts";
import type { Controlled, ControlRequest } from "./part.ts";

/**
 * POST a rule or a list of rules: starts them and returns their numbers. GET: those that have not ended, with the number of
 * affected requests. DELETE: ends the one with that number (`/control/trouble/3`), or all.
 */
export function controlTrouble(
  { trouble, known }: Controlled,
  { method, rest, body }: ControlRequest,
): unknown {
  if (method === "GET") return trouble.begun;
  if (method === "POST") {
    return parseTroubleRules(body, "request", known).map((rule) => trouble.add(rule));
  }
  if (rest === "") return { ended: trouble.end() };
  const ended = trouble.end(Number(rest));
  if (ended === 0) throw new HttpRefusal(404, `there is no trouble ${rest}, or it has ended`);
  return { ended };
}
