import type { Field, Fields, Scalar } from "../../src/drivers/chargepoint/api/message.ts";

/**
 * Where a toolkit's answer is not what the description promises: elements that it does not have, lists that are
 * none, values of another type. `isOf` knows how the toolkit gives each type; absent and null are no value.
 */
export function mistyped(
  fields: Fields,
  answer: unknown,
  isOf: (type: Scalar, value: unknown) => boolean,
  path = "",
): string[] {
  if (typeof answer !== "object" || answer === null) return [`${path}: ${String(answer)} is no group`];
  return Object.entries(answer).flatMap(([name, value]) => {
    const field = fields[name];
    if (!Object.hasOwn(fields, name) || !field) return [`${path}${name}: unknown`];
    return mistypedField(field, value, isOf, path + name);
  });
}

function mistypedField(
  field: Field,
  value: unknown,
  isOf: (type: Scalar, value: unknown) => boolean,
  path: string,
): string[] {
  if (value === null || value === undefined) return [];
  if (field.kind === "group") return mistyped(field.fields, value, isOf, `${path}/`);
  if (field.kind === "scalar") {
    return isOf(field.type, value) ? [] : [`${path}: ${JSON.stringify(value)} is no ${field.type}`];
  }
  if (!Array.isArray(value)) return [`${path}: no list`];
  return value.flatMap((item, at) => mistypedField(field.element, item, isOf, `${path}[${at}]`));
}

/**
 * A toolkit's answer as plain values to compare: every element of the description, lists as lists, the rest as
 * `scalar` makes it.
 */
export function plain(
  fields: Fields,
  answer: unknown,
  scalar: (type: Scalar, value: unknown) => unknown,
): Record<string, unknown> {
  const given = answer as Readonly<Record<string, unknown>>;
  const entries = Object.entries(fields).map(([name, field]) => [
    name,
    plainField(field, given[name], scalar),
  ]);
  return Object.fromEntries(entries);
}

function plainField(
  field: Field,
  value: unknown,
  scalar: (type: Scalar, value: unknown) => unknown,
): unknown {
  if (field.kind === "list") {
    return ((value ?? []) as unknown[]).map((item) => plainField(field.element, item, scalar));
  }
  if (value === null || value === undefined) return null;
  return field.kind === "group" ? plain(field.fields, value, scalar) : scalar(field.type, value);
}
