import fc from "fast-check";
import type { Field, Fields, ScalarField } from "../../../../src/drivers/chargepoint/api/message.ts";

/**
 * What a caller may send, by a description: any part of its elements, empty texts, groups and lists among them.
 * Numbers are of their type's range; null stands only where text does, for an empty number is no number.
 */
export function anyDraft(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const values = Object.entries(fields).map(([name, field]) => [name, anyOf(field)]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

function anyOf(field: Field): fc.Arbitrary<unknown> {
  if (field.kind === "scalar") return anyScalar(field);
  if (field.kind === "group") return fc.option(anyDraft(field.fields), { freq: 6 });
  return fc.array(anyOf(field.element), { maxLength: 3 });
}

const INT = { min: -(2 ** 31), max: 2 ** 31 - 1 };
const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."<>&\"' \r\n\t]-0€\u0000\ud800"),
    fc.string({ unit: "grapheme", maxLength: 1 }),
  ),
});
const moment = fc
  .date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());

function anyScalar({ type, values }: ScalarField): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return fc.oneof(fc.option(text), ...(values ? [fc.constantFrom(...values)] : []));
    case "int":
      return fc.integer(INT);
    case "long":
      return fc.bigInt(LONG).map(String);
    case "decimal":
    case "double":
      return fc.double({ noNaN: true, min: -1e20, max: 1e20 });
    case "boolean":
      return fc.boolean();
    case "dateTime":
      return moment;
    case "date":
      return moment.map((value) => value.slice(0, 10));
    case "time":
      return moment.map((value) => value.slice(11, 19));
  }
}
