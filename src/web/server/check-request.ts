import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { TSchema } from "typebox";
import { closest } from "../../config/index.ts";
import { Problem } from "./problem.ts";

const OPTIONS = {
  allErrors: true,
  strict: false,
  // For the names that a misspelt one may mean.
  verbose: true,
  useDefaults: true,
  formats: { "date-time": (text: string) => !Number.isNaN(Date.parse(text)) },
};
const bodies = new Ajv2020(OPTIONS);
/** Query parameters are text: they are converted to the schema's type. */
const queries = new Ajv2020({ ...OPTIONS, coerceTypes: "array" });

type Check = (value: unknown) => void;

/** Returns a check of a JSON body. It throws a {@link Problem} that names every fault and its place. */
export function bodyCheck(schema: TSchema): Check {
  return checkWith(bodies.compile(schema), "the body");
}

/** Returns the reader of a query string: an object by the schema, with its defaults. */
export function queryReader(schema: TSchema | undefined): (search: URLSearchParams) => object {
  const check = checkWith(
    queries.compile(schema ?? { type: "object", additionalProperties: false }),
    "the query",
  );
  return (search) => {
    const query: Record<string, string | string[]> = Object.create(null);
    for (const name of new Set(search.keys())) {
      const all = search.getAll(name);
      if (all.some((text) => text.includes("\0")))
        throw new Problem(
          400,
          "bad_request",
          `the query is wrong: ${name.slice(0, 100)} has a NUL character`,
        );
      query[name] = all.length > 1 ? all : all[0]!;
    }
    check(query);
    return query;
  };
}

function checkWith(validate: ValidateFunction, what: string): Check {
  return (value) => {
    if (validate(value)) return;
    const faults = (validate.errors ?? []).slice(0, MOST_FAULTS).map((error) => faultOf(error));
    throw new Problem(400, "bad_request", `${what} is wrong: ${faults.map(({ text }) => text).join("; ")}`, {
      faults,
    });
  };
}

const MOST_FAULTS = 10;

function faultOf({ instancePath, keyword, params, message = "is wrong", parentSchema }: ErrorObject) {
  const place = instancePath.slice(1).replaceAll("/", ".");
  if (keyword === "additionalProperties") {
    const name = String(params.additionalProperty);
    const known = Object.keys((parentSchema?.properties as object | undefined) ?? {});
    const near = closest(name, known);
    return {
      place: place === "" ? name : `${place}.${name}`,
      text: `unknown "${name.slice(0, 100)}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    };
  }
  const allowed = keyword === "enum" ? `: ${(params.allowedValues as unknown[]).join(", ")}` : "";
  return { place, text: `${place === "" ? "" : `${place} `}${message}${allowed}` };
}
