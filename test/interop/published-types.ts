import { readFileSync } from "node:fs";
import type { XmlNode } from "../../src/drivers/chargepoint/api/index.ts";

/** Elements by name, with the type of each: another type's name, or its own elements in place. */
interface Elements {
  readonly [name: string]: string | Elements;
}

/**
 * The messages and types of the service's published 5.0 schema, with what the 5.1 guide adds: one a line, as
 * `name(element: type, …)`, `[]` for repeated, `{…}` for elements in place.
 */
const TYPES: ReadonlyMap<string, Elements> = new Map(
  readFileSync(new URL("published-types.txt", import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [, name = "", inside = ""] = /^(\w+)(?:\((.*)\))?$/.exec(line) ?? [];
      return [name, read(inside)];
    }),
);

export function elementsOf(message: string): Elements {
  const elements = TYPES.get(message);
  if (!elements) throw new Error(`the published types have no message ${message}`);
  return elements;
}

/** Paths of the elements below a node that its type does not have. */
export function foreignElements(node: XmlNode, type: string | Elements = node.name, path = ""): string[] {
  const elements = typeof type === "string" ? TYPES.get(type) : type;
  return node.children.flatMap((child) => {
    const inside = elements && Object.hasOwn(elements, child.name) ? elements[child.name] : undefined;
    const place = `${path}${child.name}`;
    return inside === undefined ? [place] : foreignElements(child, inside, `${place}/`);
  });
}

/** The elements of a list with commas, or of alternatives with bars. */
function read(text: string): Elements {
  const tokens = text.match(/\w+|[{}]/g) ?? [];
  let at = 0;
  const group = (): Elements => {
    const elements: Record<string, string | Elements> = {};
    while (at < tokens.length && tokens[at] !== "}") {
      const name = tokens[at++]!;
      // Alternatives: each is a group of its own.
      if (name === "{") {
        Object.assign(elements, group());
        at++;
      } else if (tokens[at] === "{") {
        at++;
        elements[name] = group();
        at++;
      } else elements[name] = tokens[at++]!;
    }
    return elements;
  };
  return group();
}
