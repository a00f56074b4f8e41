import { parse } from "csv-parse/sync";
import { tableSchema } from "../../src/registry/table-schema.ts";

type Field = ReturnType<typeof tableSchema>["fields"][number];

/** What does not fit the Frictionless Table Schema of registries, as `line column`. */
export function tableFaults(csv: string): string[] {
  const { fields, primaryKey } = tableSchema();
  const rows: Record<string, string>[] = parse(csv, { columns: true });
  const keys = new Set<string>();
  return rows.flatMap((row, i) => {
    const faults = fields.filter((field) => field.name in row && !fits(row[field.name]!, field));
    const key = row[primaryKey]!;
    const repeated = key !== "" && keys.has(key) ? ["primary key"] : [];
    keys.add(key);
    return [...faults.map(({ name }) => name), ...repeated].map((what) => `${i + 2} ${what}`);
  });
}

function fits(cell: string, field: Field): boolean {
  const { type, trueValues = [], falseValues = [] } = field;
  const {
    required,
    enum: choices,
    pattern,
  } = (field.constraints ?? {}) as {
    required?: boolean;
    enum?: readonly string[];
    pattern?: string;
  };
  if (cell === "") return !required;
  if (type === "boolean") return [...trueValues, ...falseValues].includes(cell);
  if (type === "number" && !/^[+-]?\d+(\.\d+)?$/.test(cell)) return false;
  if (choices && !choices.includes(cell)) return false;
  return pattern === undefined || new RegExp(`^(?:${pattern})$`).test(cell);
}
