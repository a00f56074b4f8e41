import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** Returns the text of a file of the project. */
export const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Fails where the file is not what the sources make of it; `npm run update` writes it. */
export function expectMade(file: string, made: string): void {
  if (process.env.UPDATE) writeFileSync(join(ROOT, file), made);
  expect(read(file), `${file} differs from the sources it is made from: npm run update writes it`).toBe(made);
}

/** Returns the page with the rows of the first table below a heading replaced. */
export function withRows(page: string, heading: string, rows: readonly string[]): string {
  const table = new RegExp(`(\\n${heading}\\n(?:(?!\\n#)[\\s\\S])*?\\n\\| --- .*\\n)(?:\\|.*\\n)*`);
  expect(page, `a heading "${heading}" with a table below it is missing`).toMatch(table);
  return page.replace(table, (_, head: string) => head + rows.map((row) => `${row}\n`).join(""));
}
