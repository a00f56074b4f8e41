import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { IDS } from "./faults/ids.ts";

const page = readFileSync(new URL("../docs/reliability.md", import.meta.url), "utf8");
const numbers = (letter: string, ...which: number[]) => which.map((n) => `${letter}${n}`);
const upTo = (most: number) => Array.from({ length: most }, (_, n) => n + 1);

/** The numbered behaviours that have tests; {@link IDS} are measured by `npm run test:faults`. */
const EXPECTED = [
  ...IDS,
  ...numbers("A", 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60),
  ...numbers("B", 20, 21, 22, 23, 24, 25, 26, 27),
  ...numbers("C", 17, 18, 19, 20),
  ...numbers("D", ...upTo(7)),
  ...numbers("E", ...upTo(34)),
  ...numbers("F", 1, 2, 3, 4, 5, 6, 7, 8, 10),
  ...numbers("G", 1, 6, 9, 10, 11, 12, 13),
  ...numbers("H", 3, 4, 8, 11),
];

test("docs/reliability.md has every behaviour once, and each test that it names carries its id", () => {
  const rows = [...page.matchAll(/^\| ([A-H]\d+) \|(.*)$/gm)].map(([, id, cells]) => ({
    id: id!,
    cells: cells!,
  }));
  expect(rows.map(({ id }) => id).toSorted()).toEqual(EXPECTED.toSorted());
  for (const { id, cells } of rows) {
    const files = [...cells.matchAll(/\]\((\.\.\/[^)]+)\)/g)].map(([, file]) => file!);
    expect(files.length, id).toBeGreaterThan(0);
    for (const file of files) {
      const source = readFileSync(new URL(`../docs/${file}`, import.meta.url), "utf8");
      expect(source, `${file} of ${id}`).toMatch(new RegExp(`\\b${id}[,:]`));
    }
  }
});
