import type { Call } from "../calls.ts";
import { HttpRefusal } from "../http/request-body.ts";
import type { Controlled, ControlRequest } from "./part.ts";

/** Filters of the log, by the name of their parameter. */
export const FILTERS: Readonly<Record<string, (value: string) => (call: Call) => boolean>> = {
  since,
  operation: (value) => (call) => call.operation === value,
  account: (value) => (call) => call.account === value,
  /** `read` or `write` */
  effect: (value) => (call) => call.effect === value,
  outcome: (value) => (call) => call.outcome === value,
  completed: (value) => (call) => String(call.completed) === value,
};

/** GET: the requests that pass every filter, oldest first. DELETE: forgets all. */
export function controlLog({ calls }: Controlled, { method, query }: ControlRequest): unknown {
  if (method === "DELETE") return { forgotten: calls.clear() };
  const filters = [...query].map(([name, value]) => {
    if (Object.hasOwn(FILTERS, name)) return FILTERS[name]!(value);
    throw new HttpRefusal(400, `there is no filter ${name}; there are ${Object.keys(FILTERS).join(", ")}`);
  });
  return calls.calls.filter((call) => filters.every((passes) => passes(call))).map(describe);
}

/** After the request with a number, or received at a time (on the machine's own clock) or later. */
function since(value: string): (call: Call) => boolean {
  if (/^\d+$/.test(value)) return (call) => call.number > Number(value);
  const time = Date.parse(value);
  if (Number.isNaN(time)) {
    throw new HttpRefusal(
      400,
      `since: ${JSON.stringify(value)} is neither a number nor a time like 2026-11-18T17:00:00Z`,
    );
  }
  return (call) => call.receivedAt >= time;
}

function describe(call: Call): unknown {
  return {
    ...call,
    at: new Date(call.at).toISOString(),
    receivedAt: new Date(call.receivedAt).toISOString(),
  };
}
