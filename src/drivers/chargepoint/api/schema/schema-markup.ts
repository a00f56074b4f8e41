import { escapeXml } from "../documents/xml.ts";

/** An element of a document that people read too: one element per line, indented. */
export interface Markup {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: readonly Markup[] | string;
}

/** Creates an element; undefined attributes and null children are omitted. */
export function markup(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  content: readonly (Markup | null)[] | string = [],
): Markup {
  const given = Object.entries(attributes).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    name,
    attributes: Object.fromEntries(given),
    content: typeof content === "string" ? content : content.filter((child) => child !== null),
  };
}

/**
 * Returns the text of an element, ended by a line break. An element without attributes around a single child shares its
 * line.
 */
export function render(markup: Markup, indent = ""): string {
  const { name, content } = markup;
  const start = indent + startTag(markup);
  if (content.length === 0) return `${start}/>\n`;
  if (typeof content === "string") return `${start}>${escapeXml(content)}</${name}>\n`;
  const inside = content.map((child) => render(child, `${indent}  `)).join("");
  return isFrame(markup)
    ? `${start}>${inside.trim()}</${name}>\n`
    : `${start}>\n${inside}${indent}</${name}>\n`;
}

function startTag({ name, attributes }: Markup): string {
  return `<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join("")}`;
}

function isFrame({ attributes, content: [child, ...others] }: Markup): boolean {
  const bare = Object.keys(attributes).length === 0 && others.length === 0;
  return (
    bare && typeof child === "object" && (typeof child.content === "string" || child.content.length === 0)
  );
}
