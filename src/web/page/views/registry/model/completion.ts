import { type CellChange, cellAt, type Sheet } from "./sheet.ts";

/** What a row can name. */
export interface KnownAttribute {
  readonly driver: string;
  readonly register: string;
  readonly attribute: string;
  readonly level: "station" | "port" | "either";
  readonly type: string | null;
  readonly unit: string | null;
  readonly meaning: string;
  readonly writable: boolean;
  readonly call: string | null;
}

/** What cells can contain. */
export interface Vocabulary {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  /** Of the driver types of the devices that use the registry. */
  readonly attributes: readonly KnownAttribute[];
}

export interface Suggestion {
  readonly text: string;
  /** What it means. */
  readonly about?: string;
}

const fold = (text: string): string => text.trim().replace(/\s+/g, " ").toLowerCase();

/** Returns the index of each known column. */
export function knownColumns(sheet: Sheet, { columns }: Pick<Vocabulary, "columns">): Map<string, number> {
  const names = sheet.rows[0]!.cells.map(fold);
  return new Map(
    columns.flatMap((name) => {
      const at = names.indexOf(fold(name));
      return at < 0 ? [] : [[name, at] as const];
    }),
  );
}

/** Returns what the row names, if the register and the attribute are known. */
export function attributeOf(sheet: Sheet, row: number, vocabulary: Vocabulary): KnownAttribute | undefined {
  const columns = knownColumns(sheet, vocabulary);
  const text = (name: string): string => {
    const column = columns.get(name);
    return column === undefined ? "" : cellAt(sheet, row, column).toLowerCase();
  };
  const attribute = text("Attribute Name");
  const register = text("Register Name");
  if (attribute === "") return undefined;
  return vocabulary.attributes.find(
    (known) =>
      known.attribute.toLowerCase() === attribute &&
      (register === "" || known.register.toLowerCase() === register),
  );
}

/** Number of suggestions that are shown. */
const MOST = 50;

/** Returns what a cell may contain, those that begin with the text first. */
export function suggestions(
  sheet: Sheet,
  row: number,
  column: number,
  typed: string,
  vocabulary: Vocabulary,
): Suggestion[] {
  const wanted = typed.trim().toLowerCase();
  const found = choices(sheet, row, column, vocabulary).filter(({ text }) =>
    text.toLowerCase().includes(wanted),
  );
  const begins = (one: Suggestion): boolean => one.text.toLowerCase().startsWith(wanted);
  const sorted = [...found.filter(begins), ...found.filter((one) => !begins(one))];
  // What is there already is no suggestion.
  return sorted.length === 1 && sorted[0]!.text === typed ? [] : sorted.slice(0, MOST);
}

function choices(sheet: Sheet, row: number, column: number, vocabulary: Vocabulary): Suggestion[] {
  const columns = knownColumns(sheet, vocabulary);
  if (row === 0)
    return vocabulary.columns.filter((name) => !columns.has(name)).map((text): Suggestion => ({ text }));
  const name = [...columns].find(([, at]) => at === column)?.[0];
  const { attributes } = vocabulary;
  const known = attributeOf(sheet, row, vocabulary);
  const textOf = (other: string): string => cellAt(sheet, row, columns.get(other) ?? -1);
  switch (name) {
    case "Register Name":
      return unique(attributes.map(({ register }) => register));
    case "Attribute Name": {
      const register = textOf("Register Name").toLowerCase();
      const own = attributes.filter((one) => one.register.toLowerCase() === register);
      return (own.length > 0 ? own : attributes).map((one) => ({
        text: one.attribute,
        about: own.length > 0 ? one.meaning : `${one.register}: ${one.meaning}`,
      }));
    }
    case "Volttron Point Name": {
      const attribute = textOf("Attribute Name");
      const port = textOf("Port #");
      return attribute === "" ? [] : [{ text: port === "" ? attribute : `${attribute}_${port}` }];
    }
    case "Port #": {
      const used = sheet.rows.slice(1).map(({ cells }) => cells[column] ?? "");
      if (known?.level === "station") return [{ text: "", about: "a value of the station has no port" }];
      return unique(["1", "2", ...used]).filter(({ text }) => text !== "");
    }
    case "Type":
      return first(known?.type, vocabulary.types, "as the attribute has it");
    case "Units":
      return first(
        known?.unit,
        attributes.flatMap(({ unit }) => unit ?? []),
        "as the attribute has it",
      );
    case "Writable":
      return known?.writable === false
        ? [{ text: "FALSE", about: "this attribute can only be read" }]
        : [{ text: "TRUE", about: "can be set" }, { text: "FALSE" }];
    case "Publish":
      return [
        { text: "always", about: "with each reading" },
        { text: "change", about: "when the value changes" },
        { text: "never", about: "neither published nor stored" },
      ];
    case "Store":
      return [
        { text: "always", about: "each value is stored" },
        { text: "change", about: "stored when the value changes, and once an hour" },
      ];
    default:
      return [];
  }
}

function unique(texts: readonly string[]): Suggestion[] {
  return [...new Set(texts)].map((text) => ({ text }));
}

function first(best: string | null | undefined, others: readonly string[], about: string): Suggestion[] {
  if (!best) return unique(others);
  return [{ text: best, about }, ...unique(others).filter(({ text }) => text !== best)];
}

/** What a chosen attribute says of the other cells of its row: those that are empty, and those that differ. */
export interface Offer {
  readonly empty: readonly CellChange[];
  readonly different: readonly CellChange[];
}

export function offerOf(sheet: Sheet, row: number, vocabulary: Vocabulary): Offer {
  const known = attributeOf(sheet, row, vocabulary);
  const offer: { empty: CellChange[]; different: CellChange[] } = { empty: [], different: [] };
  if (!known) return offer;
  const columns = knownColumns(sheet, vocabulary);
  const cells = {
    "Register Name": known.register,
    Type: known.type,
    Units: known.unit ?? "",
    // What could be set need not be.
    Writable: known.writable ? null : "FALSE",
  };
  for (const [name, text] of Object.entries(cells)) {
    const column = columns.get(name);
    if (column === undefined || text === null) continue;
    const there = cellAt(sheet, row, column);
    if (there === "" && text !== "") offer.empty.push([row, column, text]);
    else if (there.toLowerCase() !== text.toLowerCase()) offer.different.push([row, column, text]);
  }
  return offer;
}
