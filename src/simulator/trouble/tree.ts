import { escapeXml, parseXml, type XmlNode } from "../../drivers/chargepoint/api/documents/xml.ts";

/** A changeable element of an answer. Elements have children or text. */
export interface Element {
  readonly name: string;
  /** As in the start tag, with a leading space. */
  attributes: string;
  children: Element[];
  text: string;
}

/**
 * Opens an answer's document at the element in its Body: `change` gets that element, whose children can be changed; the
 * document around it stays unchanged.
 */
export function changeBody(document: string, change: (root: Element) => void): string {
  const start = document.indexOf(">", document.search(/<urn:/)) + 1;
  const end = document.lastIndexOf("</urn:");
  // A body without children is one empty tag, or has nothing between its tags: there is nothing to change.
  if (end < start) return document;
  const root = toElement(parseXml(`<root>${document.slice(start, end)}</root>`));
  change(root);
  return document.slice(0, start) + root.children.map(write).join("") + document.slice(end);
}

/** Yields an element and all its descendants as they are now, from the outside in. */
export function everyElement(root: Element): Element[] {
  return [root, ...root.children.flatMap(everyElement)];
}

export function childOf(element: Element, name: string): Element | undefined {
  return element.children.find((candidate) => candidate.name === name);
}

export function leaf(name: string, text: string): Element {
  return { name, attributes: "", children: [], text };
}

function toElement({ name, children, text }: XmlNode): Element {
  return { name, attributes: "", children: children.map(toElement), text: children.length > 0 ? "" : text };
}

function write({ name, attributes, children, text }: Element): string {
  const inside = children.length > 0 ? children.map(write).join("") : escapeXml(text);
  return inside === "" ? `<${name}${attributes}/>` : `<${name}${attributes}>${inside}</${name}>`;
}
