import { alternatives, closest, type Diagnostic } from "../config/index.ts";
import {
  convertValue,
  namedType,
  POINT_TYPES,
  type Point,
  type PointType,
  type PointValue,
  pointNameFault,
  TYPE_SPELLINGS,
} from "../points/index.ts";
import { convertedText, excelTrace, TYPED } from "./excel-traces.ts";
import type { RegistryHeader, RowFault } from "./row.ts";

/** Reads a row's cells into a point. Adds every fault to `faults`. */
export class RowReader {
  readonly faults: Diagnostic[] = [];
  readonly #cell: (header: RegistryHeader) => string;
  readonly #place: (header: RegistryHeader, fault: RowFault) => Diagnostic;
  readonly #isTrial: boolean;

  /** `isTrial`: the row is one of VOLTTRON's fake driver. */
  constructor(
    cell: (header: RegistryHeader) => string,
    place: (header: RegistryHeader, fault: RowFault) => Diagnostic,
    isTrial: boolean,
  ) {
    this.#cell = cell;
    this.#place = place;
    this.#isTrial = isTrial;
  }

  /** Returns the point; undefined if a fault is an error. */
  point(extra: Readonly<Record<string, string>>): Point | undefined {
    const name = this.#name();
    const type = this.#type();
    const writable = this.#writable();
    const min = this.#number("Min", type);
    const max = this.#number("Max", type);
    const deadband = this.#number("Deadband", type);
    if (min !== undefined && max !== undefined && min > max)
      this.#error("Min", "bad_range", "Min is greater than Max", `at most ${max}`);
    if (deadband !== undefined && deadband < 0)
      this.#error("Deadband", "bad_range", "the deadband must not be negative", "0 or more");
    const startingValue = this.#startingValue(type, writable, min, max);
    const publish = this.#choice("Publish", PUBLISH) ?? "always";
    const store = this.#choice("Store", STORE);
    if (this.faults.some((fault) => fault.severity === "error")) return undefined;
    return {
      name,
      type: type!,
      units: this.#cell("Units"),
      writable,
      ...(startingValue === undefined ? {} : { startingValue }),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(deadband === undefined ? {} : { deadband }),
      publish,
      ...(store === undefined ? {} : { store }),
      notes: this.#cell("Notes"),
      extra,
    };
  }

  /** Returns the port's number as the service writes it; undefined for the whole station and for a fault. */
  port(): string | undefined {
    const header = "Port #";
    const cell = this.#cell(header);
    const whole = /^(\d+)[.,]0+$/.exec(cell)?.[1];
    if (whole !== undefined)
      this.#warning(header, "odd_port", `read as port ${whole}`, "the port as text, as 1 or 1A", whole);
    const port = whole ?? cell;
    if (port === "" || port === "0") return undefined;
    const trace = excelTrace(header, header, cell, false);
    if (trace !== undefined) {
      this.#error(header, "excel_converted", convertedText(trace), TYPED);
      return undefined;
    }
    if (PORT.test(port)) return port;
    const number = /^(?:port|outlet|plug|connector|no|nr|p)?[\s.:#_-]*(\d\w*)$/i.exec(port)?.[1];
    const expected = "its number as the service writes it, e.g. 1 or 1A";
    this.#error(header, "bad_port", "invalid port", expected, number);
    return undefined;
  }

  /** Warns of cells that a spreadsheet calculates, and of those in which it failed to: `=A1`, `#REF!`. */
  formulas(headers: Iterable<RegistryHeader>): void {
    for (const header of headers)
      if (FORMULA_STARTS.includes(this.#cell(header)[0] ?? "x") && FORMULA.test(this.#cell(header)))
        this.#warning(
          header,
          "formula",
          "spreadsheets calculate this cell; here it is plain text",
          "text or a number",
        );
  }

  #name(): string {
    const name = this.#cell("Volttron Point Name");
    const fault = pointNameFault(name);
    if (fault) this.#error("Volttron Point Name", "bad_point_name", `invalid point name: it ${fault}`);
    return name;
  }

  #type(): PointType | undefined {
    const cell = this.#cell("Type");
    const type = cell === "" ? "string" : namedType(cell);
    if (type === undefined)
      this.#error(
        "Type",
        "bad_type",
        "unknown type",
        alternatives(POINT_TYPES),
        closest(cell, TYPE_SPELLINGS),
      );
    return type;
  }

  #writable(): boolean {
    const word = this.#cell("Writable").toLowerCase();
    if (word !== "" && word !== "true" && word !== "false")
      this.#warning(
        "Writable",
        "odd_writable",
        "only TRUE makes a point writable; this point is read-only",
        "TRUE or FALSE",
      );
    return word === "true";
  }

  #number(header: "Min" | "Max" | "Deadband", type: PointType | undefined): number | undefined {
    const text = this.#cell(header);
    if (text === "") return undefined;
    const number = convertValue(text, "float");
    if (!number.ok) {
      this.#error(header, "bad_number", "invalid number", number.expected, withPoint(text));
      return undefined;
    }
    if (type !== undefined && type !== "integer" && type !== "float") {
      this.#warning(header, "unused_bound", `${header} is ignored for type ${type}`);
      return undefined;
    }
    return number.value as number;
  }

  #startingValue(
    type: PointType | undefined,
    writable: boolean,
    min = Number.NEGATIVE_INFINITY,
    max = Number.POSITIVE_INFINITY,
  ): PointValue | undefined {
    const header = "Starting Value";
    const text = this.#cell(header);
    if (text === "" || type === undefined) return undefined;
    if (!writable && !this.#isTrial) {
      this.#warning(header, "unused_starting_value", "the starting value of a read-only point is ignored");
      return undefined;
    }
    const start = convertValue(text, type);
    if (!start.ok) {
      this.#error(header, "bad_starting_value", `invalid ${type}`, start.expected, withPoint(text));
      return undefined;
    }
    if (typeof start.value === "number" && (start.value < min || start.value > max))
      this.#error(header, "bad_range", "the starting value is outside Min and Max", `${min} to ${max}`);
    return start.value;
  }

  /** Returns one of several words; undefined for an empty cell and for a fault. */
  #choice<Word extends string>(header: RegistryHeader, words: readonly Word[]): Word | undefined {
    const word = this.#cell(header).toLowerCase();
    const choice = words.find((known) => known === word);
    if (choice === undefined && word !== "")
      this.#error(header, "bad_choice", "unknown choice", alternatives(words), closest(word, words));
    return choice;
  }

  #error(
    header: RegistryHeader,
    code: Diagnostic["code"],
    message: string,
    expected?: string,
    suggestion?: string,
  ): void {
    this.#fault("error", header, code, message, expected, suggestion);
  }

  #warning(
    header: RegistryHeader,
    code: Diagnostic["code"],
    message: string,
    expected?: string,
    suggestion?: string,
  ): void {
    this.#fault("warning", header, code, message, expected, suggestion);
  }

  #fault(
    severity: Diagnostic["severity"],
    header: RegistryHeader,
    code: Diagnostic["code"],
    message: string,
    expected?: string,
    suggestion?: string,
  ): void {
    const found = shown(this.#cell(header));
    this.faults.push(
      this.#place(header, {
        code,
        severity,
        message,
        found,
        ...(expected === undefined ? {} : { expected }),
        ...(suggestion === undefined ? {} : { suggestion }),
      }),
    );
  }
}

const FORMULA_STARTS = "=@+-#";
/** A formula of a spreadsheet, or the error of one. */
const FORMULA = /^[=@]|^[+-][A-Za-z(]|^#(?:REF|NAME|VALUE|DIV\/0|NULL|NUM)[!?]|^#N\/A$|^#{3,}$/;
/** Ports of fast chargers have letters: `1A`. */
export const PORT = /^\d[\w-]*$/;
export const PUBLISH = ["always", "change", "never"] as const;
export const STORE = ["always", "change"] as const;
const MAX_SHOWN = 60;

/** Formats a cell's text for `found`. */
export function shown(cell: string): string {
  return JSON.stringify(cell.length > MAX_SHOWN ? `${cell.slice(0, MAX_SHOWN)}…` : cell);
}

/** Replaces the decimal comma that Excel writes in many locales (`1,5`). */
function withPoint(text: string): string | undefined {
  return /^[+-]?\d+,\d+$/.test(text) ? text.replace(",", ".") : undefined;
}
