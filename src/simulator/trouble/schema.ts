import type { Schema } from "../../config/schema/schema.ts";
import { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { type EffectKind, STAGES } from "./effect.ts";

const MOST_SECONDS = 7 * 86_400;
const text: Schema = { type: "string", minLength: 1 };
const seconds: Schema = { type: "number", minimum: 0, maximum: MOST_SECONDS };
const count: Schema = { type: "integer", minimum: 1 };
const bytes: Schema = { type: "integer", minimum: 0 };
const flag: Schema = { type: "boolean" };
const choice = (...words: string[]): Schema => ({ enum: words });

/** The options of an effect besides its kind; required ones come first. */
const SETTINGS: Readonly<Record<EffectKind, readonly [needed: Keyed, others?: Keyed]>> = {
  code: [
    { code: { type: "string", pattern: "^\\d{3}$", "x-expected": 'three digits, e.g. "143"' } },
    { text },
  ],
  fault: [{ code: text, text }, { status: { enum: [200, 400, 500] } }],
  status: [
    { status: { type: "integer", minimum: 200, maximum: 599 } },
    { retryAfterSeconds: { type: "integer", minimum: 0 } },
  ],
  redirect: [{ location: text }, { status: { enum: [301, 302, 303, 307, 308] } }],
  html: [{}],
  bomb: [{ shape: choice("entities", "quadratic", "depth", "attributes") }],
  externalEntity: [{ url: text }],
  large: [{}, { megabytes: { type: "integer", minimum: 1, maximum: 10_000 }, packed: flag }],
  hang: [{}],
  reset: [{}],
  paging: [{ how: choice("more", "empty", "repeated", "endless") }],
  ports: [{ how: choice("reversed", "missing") }, { portNumber: text }],
  otherStation: [{ shown: text }],
  element: [{ name: text, becomes: choice("absent", "empty", "nil", "text") }, { text: { type: "string" } }],
  extraElements: [{}],
  order: [{}],
  paddedCode: [{}],
  delay: [{ seconds }],
  slowHeaders: [{ seconds }],
  drip: [{ bytesPerSecond: { type: "number", minimum: 0.1 } }],
  stall: [{ afterBytes: bytes }],
  cut: [{ afterBytes: bytes }],
  lost: [{}],
  length: [{ by: { type: "integer" } }],
  chunked: [{}, { chunkBytes: count }],
  gzip: [{}, { broken: flag }],
  badUtf8: [{}],
  late: [{ seconds }],
};
type Keyed = Readonly<Record<string, Schema>>;

/** The schema of a document of rules: one rule, or a list of them. */
export function rulesSchema(raw: unknown): Schema {
  if (!Array.isArray(raw)) return ruleSchema(raw);
  return { type: "array", prefixItems: raw.map(ruleSchema), minItems: raw.length, maxItems: raw.length };
}

function ruleSchema(raw: unknown): Schema {
  const effect = (raw as { effect?: unknown } | null)?.effect;
  return {
    type: "object",
    required: ["effect"],
    additionalProperties: false,
    properties: {
      effect: effectSchema(effect),
      account: text,
      operation: { enum: Object.keys(operations) },
      stationID: text,
      skip: { type: "integer", minimum: 0 },
      times: count,
      probability: { type: "number", minimum: 0, maximum: 1 },
      seconds,
    },
  };
}

function effectSchema(raw: unknown): Schema {
  const kinds = Object.keys(STAGES);
  const kind = (raw as { kind?: unknown } | null)?.kind;
  const known = kinds.find((candidate) => candidate === kind) as EffectKind | undefined;
  const [needed, others] = known === undefined ? [{}] : SETTINGS[known];
  return {
    type: "object",
    required: ["kind", ...Object.keys(needed)],
    // The options of an unknown effect cannot be checked.
    additionalProperties: known === undefined,
    properties: { kind: { enum: kinds }, ...needed, ...others },
  };
}
