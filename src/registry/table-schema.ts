import { POINT_TYPES, TYPE_SPELLINGS } from "../points/index.ts";
import { HEADERS, REQUIRED } from "./columns.ts";
import { PORT, PUBLISH, STORE } from "./read-row.ts";
import type { RegistryHeader } from "./row.ts";

interface TableField {
  readonly type: "string" | "number" | "boolean" | "any";
  readonly description: string;
  readonly trueValues?: readonly string[];
  readonly falseValues?: readonly string[];
  readonly constraints?: { readonly enum?: readonly string[]; readonly pattern?: string };
}

const bound = (description: string): TableField => ({ type: "number", description });

const FIELDS: Readonly<Record<RegistryHeader, TableField>> = {
  "Volttron Point Name": {
    type: "string",
    description: "Name of the point: last level of its topics, name in messages and history.",
    constraints: { pattern: "[^/+#\\u0000-\\u001f$ ][^/+#\\u0000-\\u001f]*" },
  },
  "Attribute Name": { type: "string", description: "What is read. A row without it is skipped." },
  "Register Name": { type: "string", description: "Where it is read, e.g. LoadRegister." },
  "Port #": {
    type: "string",
    description: "Number of the port as the service writes it, e.g. 1 or 1A; empty for the whole station.",
    constraints: { pattern: PORT.source.replaceAll(/^\^|\$$/g, "") },
  },
  Type: {
    type: "string",
    description: `Type of the value: ${POINT_TYPES.join(", ")}. The bridge accepts any case.`,
    constraints: { enum: TYPE_SPELLINGS },
  },
  Units: { type: "string", description: "Free text for subscribers, e.g. kW." },
  "Starting Value": { type: "any", description: "Value that a revert writes to a writable point." },
  Writable: {
    type: "boolean",
    description: "Whether the point can be written.",
    trueValues: ["TRUE", "True", "true"],
    falseValues: ["FALSE", "False", "false"],
  },
  Notes: { type: "string", description: "For people." },
  Min: bound("Smallest value that can be written."),
  Max: bound("Largest value that can be written."),
  Deadband: bound("Smallest change of a number that counts as one."),
  Publish: {
    type: "string",
    description: "When the point is published and stored.",
    constraints: { enum: PUBLISH },
  },
  Store: {
    type: "string",
    description: "When values are stored: each, or those that differ from the one before and one an hour.",
    constraints: { enum: STORE },
  },
};

/**
 * Returns the Frictionless Table Schema of registry CSVs. It is narrower than the reader, which understands more spellings, and
 * allows further columns only where a validator does.
 */
export function tableSchema() {
  return {
    $schema: "https://datapackage.org/profiles/1.0/tableschema.json",
    title: "voltbridge: registry",
    missingValues: [""],
    primaryKey: "Volttron Point Name",
    fields: HEADERS.map((name) => {
      const { constraints, ...field } = FIELDS[name];
      const required = REQUIRED.includes(name) && name !== "Attribute Name";
      return {
        name,
        ...field,
        ...((constraints || required) && { constraints: { ...(required && { required }), ...constraints } }),
      };
    }),
  };
}
