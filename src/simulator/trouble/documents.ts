import { SERVICE_NAMESPACE, SOAP_NAMESPACE } from "../../drivers/chargepoint/api/documents/soap.ts";
import type { BombShape } from "./effect.ts";

/** Documents that no service should send. XML ones look like the answer to the operation. */

export const HTML_PAGE =
  "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>" +
  "<body><h1>Sign in to this network</h1><p>You are not connected to the Internet yet.<br></p></body></html>\n";

const WIDTH = 10;
const LEVELS = 10;
const LONG_ENTITY = 60_000;
const DEPTH = 100_000;
const ATTRIBUTES = 1_000_000;

export function bomb(shape: BombShape, operation: string): string {
  switch (shape) {
    case "entities": {
      const entities = Array.from({ length: LEVELS - 1 }, (_, level) => {
        return `<!ENTITY e${level + 1} "${`&e${level};`.repeat(WIDTH)}">`;
      });
      const declared = `<!ENTITY e0 "trouble">${entities.join("")}`;
      return answer(operation, `<responseText>&e${LEVELS - 1};</responseText>`, declared);
    }
    case "quadratic": {
      const declared = `<!ENTITY e "${"x".repeat(LONG_ENTITY)}">`;
      return answer(operation, `<responseText>${"&e;".repeat(LONG_ENTITY)}</responseText>`, declared);
    }
    case "depth":
      return answer(operation, `${"<a>".repeat(DEPTH)}${"</a>".repeat(DEPTH)}`);
    case "attributes": {
      const attributes = Array.from({ length: ATTRIBUTES }, (_, index) => ` a${index}="1"`);
      return answer(operation, `<responseText${attributes.join("")}/>`);
    }
  }
}

export function externalEntity(url: string, operation: string): string {
  const declared = `<!ENTITY e SYSTEM "${url.replaceAll('"', "%22")}">`;
  return answer(operation, "<responseText>&e;</responseText>", declared);
}

/** Returns an answer of many megabytes in pieces; all of it is one text. */
export function* largeAnswer(megabytes: number, operation: string): Generator<string, void, undefined> {
  const piece = "x".repeat(64 * 1024);
  const [before, after] = answer(operation, "<responseText>|</responseText>").split("|");
  yield before!;
  for (let count = 0; count < megabytes * 16; count++) yield piece;
  yield after!;
}

function answer(operation: string, inside: string, declared = ""): string {
  const doctype = declared === "" ? "" : `<!DOCTYPE Envelope [${declared}]>`;
  const name = `urn:${operation}Response`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>${doctype}<soapenv:Envelope xmlns:soapenv="${SOAP_NAMESPACE}">` +
    `<soapenv:Body><${name} xmlns:urn="${SERVICE_NAMESPACE}"><responseCode>100</responseCode>` +
    `${inside}</${name}></soapenv:Body></soapenv:Envelope>`
  );
}
