import { isDeepStrictEqual } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectMade, read } from "../helpers/made-files.ts";
import { WebSite } from "../helpers/web.ts";

describe("the OpenAPI document", () => {
  let web: WebSite;
  let document: { readonly paths: Record<string, Record<string, { operationId: string }>> };
  beforeAll(async () => {
    web = await WebSite.start({ stations: 1, device: { interval: 60 } });
    document = (await (await fetch(`${web.url}/api/v1/openapi.json`)).json()) as typeof document;
  });
  afterAll(() => web?.stop());

  test("is valid", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  test("names every operation once", () => {
    const operations = Object.values(
      document.paths as Record<string, Record<string, { operationId: string }>>,
    );
    const ids = operations.flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is in the docs as the bridge answers it", () => {
    const made = `${JSON.stringify(document, null, 2)}\n`;
    // The formatter lays the file out in its own way.
    if (!isDeepStrictEqual(JSON.parse(read("docs/openapi.json")), document))
      expectMade("docs/openapi.json", made);
  });
});
