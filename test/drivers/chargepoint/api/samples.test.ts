import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeStrict } from "../../../../src/drivers/chargepoint/api/documents/decode.ts";
import {
  readCredentials,
  securityHeader,
} from "../../../../src/drivers/chargepoint/api/documents/security.ts";
import {
  buildRequest,
  parseEnvelope,
  readAnswer,
} from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import type { XmlNode } from "../../../../src/drivers/chargepoint/api/documents/xml.ts";
import type { Fields, Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";

const CASES = new URL("../../../cases/chargepoint-api/", import.meta.url);
const TABLE = new URL("../../../../docs/api-samples.md", import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, CASES));
const json = (name: string) => JSON.parse(file(name).toString());

/** Names in the description's own spelling, order and values; `0.0` is 0, `TRUE` is true. */
function outline(node: XmlNode, fields?: Fields): unknown {
  if (node.children.length === 0) {
    const text = node.text.trim();
    if (text !== "" && !Number.isNaN(Number(text))) return [node.name, Number(text)];
    return [node.name, /^(true|false)$/i.test(text) ? text.toLowerCase() : text];
  }
  return [node.name, node.children.map((child) => outlineChild(child, fields))];
}

function outlineChild(child: XmlNode, fields: Fields = {}): unknown {
  const known = Object.entries(fields).find(
    ([name, { also }]) => name === child.name || also.includes(child.name),
  );
  if (!known) return outline(child);
  const [name, field] = known;
  const element = field.kind === "list" ? field.element : field;
  return outline({ ...child, name }, element.kind === "group" ? element.fields : undefined);
}

/** The comment with which a case tells where it comes from. */
function origin(path: string): string {
  const [, comment] = /^<!-- (.+) -->\n/.exec(file(path).toString()) ?? [];
  return comment ?? expect.unreachable(`${path} does not begin with a comment on its origin`);
}

/** The row of docs/api-samples.md, by the case's own comments. */
function row({ name, section }: Operation): string {
  const [request, response] = (["request", "response"] as const).map((side) => {
    const text = origin(`${name}/${side}.xml`);
    const printed = /^(?:Values of g|G)uide (\d+\.\d+\.\d+)|^(?:Values of the s|S)etup guide/.exec(text);
    if (!printed) return { sample: "none", note: `${side}: ${lowerFirst(text)}` };
    const [, note] = /^.*?; (.+)$/.exec(text) ?? [];
    return { sample: printed[1] ?? "setup guide", note: note === undefined ? "" : `${side}: ${note}` };
  }) as [Sample, Sample];
  const notes = [request.note, response.note].filter((note) => note !== "").join(" ");
  const link = `[${name}](../test/cases/chargepoint-api/${name})`;
  return `| ${section} | ${name} | ${request.sample} | ${response.sample} | ${link} | ${notes} |`;
}
interface Sample {
  readonly sample: string;
  readonly note: string;
}
const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

describe("samples of the guide", () => {
  it("there is a case for every operation", () => {
    expect(readdirSync(CASES).sort()).toEqual(Object.keys(operations).sort());
  });

  it("docs/api-samples.md tells of every case what the case says of itself", () => {
    const rows = readFileSync(TABLE, "utf8")
      .split("\n")
      .filter((line) => /^\| [\w. ]+ \| \w+ \| .*test\/cases/.test(line));
    expect(rows).toEqual(Object.values<Operation>(operations).map(row));
  });

  describe.each(Object.entries<Operation>(operations))("%s", (name, operation) => {
    it("its response is read value by value", () => {
      const answer = readAnswer(operation, file(`${name}/response.xml`));
      expect(answer).toEqual({ kind: "response", value: json(`${name}/response.json`) });
    });

    it("its response has the elements of the description and no other", () => {
      const { body } = parseEnvelope(file(`${name}/response.xml`));
      expect(decodeStrict(operation.response, body as XmlNode).problems).toEqual([]);
    });

    it("its request is read strictly and gives the query", () => {
      const requests = readdirSync(new URL(name, CASES)).filter((path) => /^request.*\.xml$/.test(path));
      for (const path of requests) {
        const { body } = parseEnvelope(file(`${name}/${path}`));
        const { value, problems } = decodeStrict(operation.request, body as XmlNode, operation.sequence);
        expect(problems).toEqual([]);
        expect(value).toMatchObject(withoutEmpty(json(`${name}/request.json`)));
      }
    });

    it("what is sent for the same query is the guide's request, element by element", () => {
      const header = securityHeader({ username: "{{username}}", password: "{{password}}" });
      const sent = parseEnvelope(buildRequest(operation, json(`${name}/request.json`), header));
      const sample = parseEnvelope(file(`${name}/request.xml`));
      const { request } = operation;
      expect(outline(sent.body as XmlNode, request)).toEqual(outline(sample.body as XmlNode, request));
      expect(outline(sent.header as XmlNode)).toEqual(outline(sample.header as XmlNode));
      expect(readCredentials(sent.header)).toEqual(readCredentials(sample.header));
    });
  });
});

/** A query of nothing is read as no value at all. */
function withoutEmpty(query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).filter(([, value]) => !(value instanceof Object) || Object.keys(value).length > 0),
  );
}
