import type { Control } from "../../../devices/commands.ts";
import type { PointValue } from "../../../points/index.ts";
import type { Incoming } from "../../broker/link.ts";
import { parseJson } from "../../payloads.ts";
import { isObject } from "../command-payload.ts";
import type { RequestContext } from "../incoming-request.ts";

/** Verbs by patterns of devices: each shard carries them out for its own. */
const OF_ALL_SHARDS = ["set_override_on", "set_override_off", "clear_overrides"];
const GROUP_VERBS = ["get_limits", "set_limit"];
const PREFIX = /^devices\//;

/**
 * Returns what one session of an estate does with a call: the session whose shard has the first device that the call names answers it,
 * and the lead answers what names none. What is for the devices of a pattern is carried out by every shard, and answered by the lead.
 */
export function shareOf(
  verb: string,
  { payload }: Pick<Incoming, "payload">,
  { scope, devices }: Pick<RequestContext, "scope" | "devices">,
  control: Pick<Control, "limiting" | "eventing">,
): "answered" | "carried out only" | "none" {
  if (!scope) return "answered";
  if (OF_ALL_SHARDS.includes(verb)) return scope.isLead ? "answered" : "carried out only";
  const texts = [...textsIn(parseJson(payload.toString()) ?? null)];
  if (GROUP_VERBS.includes(verb)) {
    const groups = control.limiting?.limits().map(({ group }) => group) ?? [];
    if (texts.some((text) => groups.includes(text))) return "answered";
  }
  if (verb === "remove_event") {
    const events = control.eventing.events().map(({ id }) => id);
    if (texts.some((text) => events.includes(text))) return "answered";
  }
  for (const text of texts)
    for (const path of pathsOf(text)) {
      if (devices.has(path)) return "answered";
      if (scope.isElsewhere(path)) return "none";
    }
  return scope.isLead ? "answered" : "none";
}

/** The device path that a text may be, or may begin with: of a point, of VOLTTRON's `devices/…/all`. */
function pathsOf(text: string): string[] {
  const path = text.replace(PREFIX, "");
  const slash = path.lastIndexOf("/");
  return slash > 0 ? [path, path.slice(0, slash)] : [path];
}

function* textsIn(value: PointValue): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsIn(item);
  else if (isObject(value)) for (const item of Object.values(value)) yield* textsIn(item);
}
