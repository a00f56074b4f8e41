import fc from "fast-check";
import type { Field, Fields, ScalarField } from "../../../../src/drivers/chargepoint/api/message.ts";

/** Values of any message, by its description: as they are read, so that writing and reading must give them back. */
export function anyValue(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, anyOf(field)])));
}

function anyOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "scalar":
      return fc.option(anyScalar(field), { freq: 4 });
    case "group":
      return fc.option(anyGroup(field.fields), { freq: 4 });
    case "list":
      return fc.array(
        field.element.kind === "scalar" ? anyScalar(field.element) : anyGroup(field.element.fields),
        {
          maxLength: 3,
        },
      );
  }
}

/** A group of nothing but empty lists has no elements and reads as none at all. */
function anyGroup(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  return anyValue(fields).filter((value) =>
    Object.values(value).some((item) => !Array.isArray(item) || item.length > 0),
  );
}

const text = fc
  .string({
    unit: fc.oneof(fc.constantFrom(..."<>&\"' \r\n\t]-0é€😀"), fc.string({ unit: "grapheme", maxLength: 1 })),
  })
  .map((value) => value.trim())
  .filter((value) => value !== "" && value !== "None");

const moment = fc
  .date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());

function anyScalar(field: ScalarField): fc.Arbitrary<unknown> {
  switch (field.type) {
    case "int":
      return fc.maxSafeInteger();
    case "long":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
    case "decimal":
      return fc.integer({ min: -1_000_000, max: 1_000_000 }).map((thousandths) => thousandths / 1000 || 0);
    case "double":
      return fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .filter((value) => Math.abs(value) < 1e21)
        .map((value) => value || 0);
    case "boolean":
      return fc.boolean();
    case "dateTime":
      return moment;
    case "date":
      return moment.map((value) => value.slice(0, 10));
    case "time":
      return moment.map((value) => value.slice(11, 19));
    case "string":
      return text;
  }
}
