import type { RegistryHeader } from "./row.ts";

const MONTHS =
  "jan(?:v|uar|uary)?|feb|févr?|mar|mär|mrz|mars|apr|avr|abr|may|mai|mag|jun|juin|giu|jul|juil|lug|aug|août|ago|sept?|set|oct|okt|ott|nov|dec|dez|déc|dic";
const TIME = /^\d{1,4}:\d\d:\d\d$|^\d{1,2}:\d\d(?::\d\d)? ?[AP]M$/i;
const DATE = new RegExp(
  [
    String.raw`\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?`,
    String.raw`\d{1,2}[./]\d{1,2}[./](?:\d\d|\d{4})`,
    String.raw`\d{1,2}[-. ]{1,2}(?:${MONTHS})\.?(?:[- ]\d\d(?:\d\d)?)?`,
    String.raw`(?:${MONTHS})\.?[- ]\d\d(?:\d\d)?`,
  ]
    .map((form) => `^${form}$`)
    .join("|"),
  "i",
);
const SCIENTIFIC = /^\d(?:[.,]\d+)?E[+-]\d{1,3}$/i;

/** Extra columns that may hold such text as a spreadsheet converts: `1:12345`, `1A`, serial numbers. */
const IDENTIFYING = /station|port|serial|number|nummer|\bid\b/i;

/**
 * Returns what a spreadsheet made of other text in a cell, e.g. of `1:2345`; undefined for a cell that may have been typed so.
 * `isNumber`: the cell is meant to hold a number.
 */
export function excelTrace(
  header: RegistryHeader | undefined,
  name: string,
  text: string,
  isNumber: boolean,
): "a time" | "a date" | "a number in scientific notation" | undefined {
  if (header === "Notes" || header === "Writable" || header === "Publish" || header === "Store")
    return undefined;
  if (header === "Starting Value" && !isNumber) return undefined;
  if (header === undefined && !IDENTIFYING.test(name)) return undefined;
  if (TIME.test(text)) return "a time";
  if (DATE.test(text)) return "a date";
  return SCIENTIFIC.test(text) && !isNumber ? "a number in scientific notation" : undefined;
}

/** Returns the message of a cell with such a trace. */
export function convertedText(trace: string): string {
  return `a spreadsheet made ${trace} of what was typed, which cannot be told from it`;
}

/** What such a cell should hold. */
export const TYPED = "what was typed, e.g. 1:2345 or 1A, in a column of the format Text";
