import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { IDS } from "./faults/ids.ts";

const page = readFileSync(new URL("../docs/reliability.md", import.meta.url), "utf8");

test("docs/reliability.md has every behaviour, and each test that it names carries its id", () => {
  const rows = [...page.matchAll(/^\| ([AB]\d+) \|(.*)$/gm)].map(([, id, cells]) => ({
    id: id!,
    cells: cells!,
  }));
  expect(rows.map(({ id }) => id)).toEqual(IDS);
  for (const { id, cells } of rows) {
    const files = [...cells.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file!);
    expect(files.length, id).toBeGreaterThan(0);
    for (const file of files) {
      const source = readFileSync(new URL(`../docs/${file}`, import.meta.url), "utf8");
      expect(source, `${file} of ${id}`).toMatch(new RegExp(`\\b${id}[,:]`));
    }
  }
});
