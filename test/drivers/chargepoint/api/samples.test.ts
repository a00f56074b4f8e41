import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeStrict } from "../../../../src/drivers/chargepoint/api/decode.ts";
import type { Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { findOperation } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { readCredentials, securityHeader } from "../../../../src/drivers/chargepoint/api/security.ts";
import { buildRequest, parseEnvelope, readAnswer } from "../../../../src/drivers/chargepoint/api/soap.ts";
import type { XmlNode } from "../../../../src/drivers/chargepoint/api/xml.ts";

const CASES = new URL("../../../cases/chargepoint-api/", import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, CASES));
const json = (name: string) => JSON.parse(file(name).toString());

/** Names, order and values of the elements; numbers are compared as numbers, for `0.0` is `0`. */
function outline(node: XmlNode): unknown {
  if (node.children.length > 0) return [node.name, node.children.map(outline)];
  const text = node.text.trim();
  return [node.name, text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text];
}

describe("samples of the guide", () => {
  const cases = readdirSync(CASES).map((name) => [name, findOperation(name) as Operation] as const);

  describe.each(cases)("%s", (name, operation) => {
    it("its response is read value by value", () => {
      const answer = readAnswer(operation, file(`${name}/response.xml`));
      expect(answer).toEqual({ kind: "response", value: json(`${name}/response.json`) });
    });

    it("its response has the elements of the description and no other", () => {
      const { body } = parseEnvelope(file(`${name}/response.xml`));
      expect(decodeStrict(operation.response, body as XmlNode).problems).toEqual([]);
    });

    it("what is sent for the same query is the guide's request, element by element", () => {
      const header = securityHeader({ username: "{{username}}", password: "{{password}}" });
      const sent = parseEnvelope(buildRequest(operation, json(`${name}/request.json`), header));
      const sample = parseEnvelope(file(`${name}/request.xml`));
      expect(outline(sent.body as XmlNode)).toEqual(outline(sample.body as XmlNode));
      expect(outline(sent.header as XmlNode)).toEqual(outline(sample.header as XmlNode));
      expect(readCredentials(sent.header)).toEqual(readCredentials(sample.header));
    });
  });
});
