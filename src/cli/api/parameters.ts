import type { Field, Fields, Scalar } from "../../drivers/chargepoint/api/message.ts";

/** One value of a request that can be given on the command line. */
export interface Parameter {
  /** Option without the dashes: the element's name, or its path where the name is ambiguous. */
  readonly name: string;
  /** Element names from the call down, e.g. `searchQuery`, `Geo`, `Lat`. */
  readonly path: readonly string[];
  readonly type: Scalar;
  /** May be given several times. */
  readonly repeats: boolean;
  readonly doc: string;
}

/** Returns every scalar of a request, in wire order. A list of groups takes one element from options; more need a request file. */
export function parametersOf(request: Fields): Parameter[] {
  const leaves = [...leavesOf(request, [])];
  return leaves.map((leaf) => {
    const others = leaves.filter((other) => other !== leaf);
    const namesakes = others.filter((other) => other.name === leaf.name);
    // The short name belongs to the outermost element of that name; the others, and elements at the same depth (the limit of
    // a group and that of a station), are named by as much of the end of their path as is unique.
    if (namesakes.every((other) => leaf.path.length < other.path.length)) return leaf;
    const ends = leaf.path.map((_, index) => leaf.path.slice(index).join(".")).toReversed();
    const own = ends.find(
      (end, i) => i > 0 && !namesakes.some((other) => `.${other.path.join(".")}`.endsWith(`.${end}`)),
    );
    return { ...leaf, name: own ?? leaf.path.join(".") };
  });
}

function* leavesOf(fields: Fields, path: readonly string[]): Generator<Parameter> {
  for (const [name, field] of Object.entries(fields)) yield* leavesIn(name, field, [...path, name], false);
}

function* leavesIn(
  name: string,
  field: Field,
  path: readonly string[],
  repeats: boolean,
): Generator<Parameter> {
  if (field.kind === "scalar") yield { name, path, type: field.type, repeats, doc: field.doc };
  else if (field.kind === "group") yield* leavesOf(field.fields, path);
  else yield* leavesIn(name, field.element, path, true);
}

/** Returns the placeholder of a value in `--help`. */
export function placeholder({ type, repeats }: Parameter): string {
  const word = { string: "text", int: "number", long: "number", decimal: "number", double: "number" };
  const name = (word as Partial<Record<Scalar, string>>)[type] ?? type;
  return repeats ? `<${name}...>` : `<${name}>`;
}

/**
 * Converts the text of an option to the type of its element.
 * @throws Error that names what was expected
 */
export function convert(parameter: Parameter, text: string): string | number | boolean {
  switch (parameter.type) {
    case "int":
    case "decimal":
    case "double": {
      const value = Number(text);
      if (
        text.trim() !== "" &&
        Number.isFinite(value) &&
        (parameter.type !== "int" || Number.isInteger(value))
      ) {
        return value;
      }
      throw new Error(`expected ${parameter.type === "int" ? "a whole number" : "a number"}`);
    }
    case "boolean":
      if (/^(true|1)$/i.test(text)) return true;
      if (/^(false|0)$/i.test(text)) return false;
      throw new Error("expected true or false");
    case "long":
      if (/^-?\d+$/.test(text)) return text;
      throw new Error("expected a whole number");
    default:
      return text;
  }
}

/** Builds a request from the given values. Lists of groups get one element. */
export function buildRequest(
  request: Fields,
  given: readonly { readonly parameter: Parameter; readonly value: unknown }[],
  base: Record<string, unknown> = {},
): Record<string, unknown> {
  const draft = structuredClone(base);
  for (const { parameter, value } of given) place(request, draft, parameter.path, value);
  return draft;
}

function place(
  fields: Fields,
  draft: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): void {
  const [name = "", ...rest] = path;
  const field = fields[name]!;
  if (rest.length === 0) {
    draft[name] = value;
  } else if (field.kind === "list") {
    draft[name] ??= [{}];
    place(fieldsOf(field.element), (draft[name] as Record<string, unknown>[])[0]!, rest, value);
  } else {
    draft[name] ??= {};
    place(fieldsOf(field), draft[name] as Record<string, unknown>, rest, value);
  }
}

function fieldsOf(field: Field): Fields {
  return field.kind === "group" ? field.fields : {};
}
