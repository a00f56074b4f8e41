import type { Draft, Field, Fields, GroupField, ScalarField } from "../message.ts";
import { escapeXml } from "./xml.ts";

/**
 * Writes a value as the elements of a description, in its order, regardless of the object's key order. Undefined is
 * omitted, null is an empty element; a null list writes no element.
 * @throws TypeError where a value has no place in the description or is not of its type.
 */
export function encode<F extends Fields>(fields: F, value: Draft<F>): string {
  return writeFields(fields, value as Readonly<Record<string, unknown>>, "");
}

function writeFields(fields: Fields, value: Readonly<Record<string, unknown>>, path: string): string {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(fields, key)) throw new TypeError(`${path}${key}: no such element`);
  }
  let xml = "";
  for (const [name, field] of Object.entries(fields)) {
    if (value[name] !== undefined) xml += writeField(name, field, value[name], path + name);
  }
  return xml;
}

function writeField(name: string, field: Field, value: unknown, path: string): string {
  if (field.kind !== "list") return writeElement(name, field, value, path);
  if (value === null) return "";
  if (!Array.isArray(value)) throw new TypeError(`${path}: expected a list`);
  return value.map((item, at) => writeElement(name, field.element, item, `${path}[${at}]`)).join("");
}

function writeElement(name: string, field: ScalarField | GroupField, value: unknown, path: string): string {
  if (value === null) return `<${name}/>`;
  if (field.kind === "scalar") return `<${name}>${writeScalar(field, value, path)}</${name}>`;
  if (typeof value !== "object") throw new TypeError(`${path}: expected a group of elements`);
  return `<${name}>${writeFields(field.fields, value as Record<string, unknown>, `${path}/`)}</${name}>`;
}

function writeScalar(field: ScalarField, value: unknown, path: string): string {
  switch (field.type) {
    case "int":
      if (Number.isSafeInteger(value)) return plainNumber(value as number);
      break;
    case "decimal":
    case "double":
      if (typeof value === "number" && Number.isFinite(value) && Math.abs(value) < 1e21) {
        return writeNumber(field, value);
      }
      break;
    case "boolean":
      if (typeof value === "boolean") return String(value);
      break;
    default:
      if (typeof value === "string") return escapeXml(value);
  }
  const shown = typeof value === "string" ? "text" : String(value);
  throw new TypeError(`${path}: ${shown} is not a valid ${field.type}`);
}

function writeNumber(field: ScalarField, value: number): string {
  if (field.fixed !== undefined) return unsigned(value.toFixed(field.fixed));
  return field.type === "decimal" ? plainNumber(Number(value.toFixed(3))) : plainNumber(value);
}

/** Returns the shortest digits that read back as the number, without an exponent. */
function plainNumber(value: number): string {
  const [digits = "", exponent] = String(value === 0 ? 0 : value).split("e");
  if (exponent === undefined) return digits;
  // Below 1e21 only small numbers are written with an exponent, as d.ddde-n.
  const sign = digits.startsWith("-") ? "-" : "";
  return `${sign}0.${"0".repeat(-Number(exponent) - 1)}${digits.replace(/[-.]/g, "")}`;
}

/** Removes the sign of `-0.000`. */
function unsigned(text: string): string {
  return Number(text) === 0 ? text.replace("-", "") : text;
}
