import { escapeXml, parseXml, type XmlNode } from "../../drivers/chargepoint/api/documents/xml.ts";
import type { Paging } from "../../drivers/chargepoint/api/message.ts";
import { classify } from "../../drivers/chargepoint/api/response-codes.ts";
import type { ContentEffect, PagingEffect } from "./effect.ts";

/**
 * Returns an answer's document with changed contents: those of one station's records, or all. The code belongs to all of
 * it.
 */
export function changeContent(document: string, effect: ContentEffect, stationID?: string): string {
  return changeBody(document, (root) => {
    if (effect.kind === "paddedCode") return pad(childOf(root, "responseCode"));
    const places = stationID === undefined ? [root] : recordsOf(root, stationID);
    for (const place of places) changeElement(place, effect);
  });
}

function recordsOf(root: Element, stationID: string): Element[] {
  return everyElement(root).filter((element) => childOf(element, "stationID")?.text === stationID);
}

function pad(code: Element | undefined): void {
  if (code) code.text = `\n\t ${code.text} \n`;
}

function changeElement(place: Element, effect: Exclude<ContentEffect, { kind: "paddedCode" }>): void {
  switch (effect.kind) {
    case "ports":
      for (const element of everyElement(place)) changePorts(element, effect);
      return;
    case "otherStation":
      for (const element of everyElement(place))
        if (element.name === "stationID") element.text = effect.shown;
      return;
    case "element":
      for (const element of everyElement(place)) changeChildren(element, effect);
      return;
    case "extraElements":
      for (const element of everyElement(place)) addStrangers(element);
      return;
    case "order":
      for (const element of everyElement(place)) element.children.reverse();
      return;
  }
}

function changePorts(element: Element, { how, portNumber }: ContentEffect & { kind: "ports" }): void {
  const ports = element.children.filter(({ name }) => name === "Port");
  if (how === "reversed") {
    element.children = element.children.map((child) => (child.name === "Port" ? ports.pop()! : child));
    return;
  }
  const missing = ports.find(
    (port) => portNumber === undefined || childOf(port, "portNumber")?.text === portNumber,
  );
  element.children = element.children.filter((child) => child !== missing);
}

function changeChildren(element: Element, effect: ContentEffect & { kind: "element" }): void {
  if (effect.becomes === "absent") {
    element.children = element.children.filter(({ name }) => name !== effect.name);
  }
  for (const child of element.children) {
    if (child.name !== effect.name) continue;
    child.children = [];
    child.text = effect.becomes === "text" ? (effect.text ?? "None") : "";
    if (effect.becomes === "nil") {
      child.attributes = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"';
    }
  }
}

function addStrangers(element: Element): void {
  if (element.children.length === 0) return;
  const group: Element = { ...leaf("newInLaterVersions", ""), children: [leaf("stationID", "9:9")] };
  element.children = [leaf("unheardOf", "42"), ...element.children, group];
}

/** Returns a page's document with changed paging elements. `start` is the first record requested. */
export function changePage(document: string, paging: Paging, { how }: PagingEffect, start: number): string {
  return changeBody(document, (root) => {
    const code = childOf(root, "responseCode");
    if (how === "empty" && code && classify(code.text) === "empty") code.text = "100";
    if (code && code.text !== "100") return;
    setLeaf(placeOf(root, paging.moreIn), paging.moreElement, "1");
    if (how === "endless") renumber(root, start);
  });
}

function placeOf(root: Element, group: string | undefined): Element {
  if (group === undefined) return root;
  const found = childOf(root, group) ?? leaf(group, "");
  if (!root.children.includes(found)) root.children.push(found);
  return found;
}

function setLeaf(element: Element, name: string, text: string): void {
  const found = childOf(element, name);
  if (found) found.text = text;
  else element.children.push(leaf(name, text));
}

function renumber(root: Element, start: number): void {
  let next = start;
  for (const { name, children } of everyElement(root)) {
    const number = children.find((child) => child.name === "recordNumber");
    if (number && name !== "root") number.text = String(next++);
  }
}

/** A changeable element of an answer. Elements have children or text. */
interface Element {
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
function changeBody(document: string, change: (root: Element) => void): string {
  const start = document.indexOf(">", document.search(/<urn:/)) + 1;
  const end = document.lastIndexOf("</urn:");
  // A body without children is one empty tag, or has nothing between its tags: there is nothing to change.
  if (end < start) return document;
  const root = toElement(parseXml(`<root>${document.slice(start, end)}</root>`));
  change(root);
  return document.slice(0, start) + root.children.map(write).join("") + document.slice(end);
}

/** Yields an element and all its descendants as they are now, from the outside in. */
function everyElement(root: Element): Element[] {
  return [root, ...root.children.flatMap(everyElement)];
}

function childOf(element: Element, name: string): Element | undefined {
  return element.children.find((candidate) => candidate.name === name);
}

function leaf(name: string, text: string): Element {
  return { name, attributes: "", children: [], text };
}

function toElement({ name, children, text }: XmlNode): Element {
  return { name, attributes: "", children: children.map(toElement), text: children.length > 0 ? "" : text };
}

function write({ name, attributes, children, text }: Element): string {
  const inside = children.length > 0 ? children.map(write).join("") : escapeXml(text);
  return inside === "" ? `<${name}${attributes}/>` : `<${name}${attributes}>${inside}</${name}>`;
}
