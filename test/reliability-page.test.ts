import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { IDS } from "./faults/ids.ts";

const page = readFileSync(new URL("../docs/reliability.md", import.meta.url), "utf8");

/** In `npm test` alone. */
const CONTROL_IDS = [..."1234567"].map((n) => `D${n}`);
for (let n = 1; n <= 24; n++) CONTROL_IDS.push(`E${n}`);
/** In `npm run test:faults` alone. */
CONTROL_IDS.push("E33");

/** In `npm test` alone. */
const EXPOSURE_IDS = ["G1", "G6", "G9", "G10"];

describe.each([
  ["what is measured", /^\| ([AB]\d+) \|(.*)$/gm, IDS],
  ["exposure", /^\| (G\d+) \|(.*)$/gm, EXPOSURE_IDS],
  ["time and control", /^\| ([DE]\d+) \|(.*)$/gm, CONTROL_IDS],
] as const)("docs/reliability.md, %s", (_, row, ids) => {
  test("has every behaviour, and each test that it names carries its id", () => {
    const rows = [...page.matchAll(row)].map(([, id, cells]) => ({ id: id!, cells: cells! }));
    expect(rows.map(({ id }) => id)).toEqual(ids);
    for (const { id, cells } of rows) {
      const files = [...cells.matchAll(/\]\((\.\.\/[^)]+)\)/g)].map(([, file]) => file!);
      expect(files.length, id).toBeGreaterThan(0);
      for (const file of files) {
        const source = readFileSync(new URL(`../docs/${file}`, import.meta.url), "utf8");
        expect(source, `${file} of ${id}`).toMatch(new RegExp(`\\b${id}[,:]`));
      }
    }
  });
});
