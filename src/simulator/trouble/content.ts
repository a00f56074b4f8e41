import type { Paging } from "../../drivers/chargepoint/api/message.ts";
import { classify } from "../../drivers/chargepoint/api/response-codes.ts";
import type { ContentEffect, PagingEffect } from "./effect.ts";
import { changeBody, childOf, type Element, everyElement, leaf } from "./tree.ts";

/** Changes the contents of an answer. */

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
