import { responseName, SERVICE_NAMESPACE } from "../documents/soap.ts";
import type { Field, Fields, GroupField, Operation, ScalarField } from "../message.ts";
import { type Markup, markup } from "./schema-markup.ts";
import { SENT_EMPTY, typeName } from "./schema-names.ts";

const SCHEMA_NAMESPACE = "http://www.w3.org/2001/XMLSchema";

/**
 * Returns the XML schema of the messages of operations. It accepts what the client sends and the service answers, with
 * local elements unqualified as on the wire. Every element is optional, because the service answers a missing one with a
 * response code; listed values appear in the documentation only, for the same reason.
 */
export function schema(operations: readonly Operation[]): Markup {
  const types = new TypeTable();
  const requests = operations.map(({ name, request }) => message(name, request, "request", types));
  const responses = operations.map((operation) =>
    message(responseName(operation), operation.response, "response", types),
  );
  return markup(
    "xsd:schema",
    {
      "xmlns:xsd": SCHEMA_NAMESPACE,
      "xmlns:tns": SERVICE_NAMESPACE,
      targetNamespace: SERVICE_NAMESPACE,
      elementFormDefault: "unqualified",
      attributeFormDefault: "unqualified",
    },
    [...requests.flatMap((request, at) => [request, responses[at]!]), ...types.sorted()],
  );
}

type Side = "request" | "response";

/** A message's own elements are in a sequence, as required by toolkits that unwrap messages into parameters. */
function message(name: string, fields: Fields, side: Side, types: TypeTable): Markup {
  const children = elements(fields, name, side, types);
  return markup("xsd:element", { name }, [
    markup("xsd:complexType", {}, [markup("xsd:sequence", {}, children)]),
  ]);
}

function elements(fields: Fields, path: string, side: Side, types: TypeTable): Markup[] {
  return Object.entries(fields).map(([name, field]) => element(name, field, `${path}/${name}`, side, types));
}

function element(name: string, field: Field, path: string, side: Side, types: TypeTable): Markup {
  const content = field.kind === "list" ? field.element : field;
  const occurs = { minOccurs: "0", maxOccurs: field.kind === "list" ? "unbounded" : undefined };
  const docs = annotation(field === content ? [field] : [field, content]);
  if (content.kind === "scalar") {
    return markup("xsd:element", { name, type: scalarType(content, path), ...occurs }, [docs]);
  }
  const type = types.reference(content, path, side);
  return typeof type === "string"
    ? markup("xsd:element", { name, type: `tns:${type}`, ...occurs }, [docs])
    : markup("xsd:element", { name, ...occurs }, [docs, type]);
}

function scalarType(field: ScalarField, path: string): string {
  return `xsd:${SENT_EMPTY.has(path) ? "string" : field.type}`;
}

function annotation(fields: readonly Field[]): Markup | null {
  const facts = fields.flatMap((field) => [
    field.doc,
    field.required ? "Required" : "",
    field.kind === "scalar" && field.values ? `One of ${field.values.join(", ")}` : "",
  ]);
  const text = facts.filter((fact) => fact !== "").join(". ");
  return text === "" ? null : markup("xsd:annotation", {}, [markup("xsd:documentation", {}, text)]);
}

/** The named types found so far. */
class TypeTable {
  readonly #types = new Map<string, { readonly shape: string; readonly type: Markup }>();

  /**
   * Returns the name of a group's type, or the type itself where it has no name. Where requests and responses share a type
   * it is the request's, whose order is freer; where they differ, the later one is described in place.
   */
  reference(group: GroupField, path: string, side: Side): string | Markup {
    const name = typeName(path);
    if (name === undefined) return complexType({}, group, path, side, this);
    const shape = shapeOf(group.fields, path);
    const known = this.#types.get(name);
    if (known === undefined) {
      this.#types.set(name, { shape, type: complexType({ name }, group, path, side, this) });
      return name;
    }
    return known.shape === shape ? name : complexType({}, group, path, side, this);
  }

  sorted(): Markup[] {
    const byName = [...this.#types].sort(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([, { type }]) => type);
  }
}

/** Only groups that allow any order use xsd:all; a group with lists is a sequence because xsd:all cannot contain lists. */
function complexType(
  attributes: { readonly name?: string },
  { fields, sequence }: GroupField,
  path: string,
  side: Side,
  types: TypeTable,
): Markup {
  const ordered =
    sequence || side === "response" || Object.values(fields).some(({ kind }) => kind === "list");
  const children = elements(fields, path, side, types);
  return markup("xsd:complexType", attributes, [markup(ordered ? "xsd:sequence" : "xsd:all", {}, children)]);
}

/** Returns elements and their types as text, to compare two groups. */
function shapeOf(fields: Fields, path: string): string {
  const parts = Object.entries(fields).map(([name, field]) => {
    const content = field.kind === "list" ? field.element : field;
    const inside =
      content.kind === "scalar"
        ? scalarType(content, `${path}/${name}`)
        : `{${shapeOf(content.fields, `${path}/${name}`)}}`;
    return `${name}:${inside}${field.kind === "list" ? "*" : ""}`;
  });
  return parts.join(" ");
}
