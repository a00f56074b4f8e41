import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Fails where the file is not what the sources make of it; `npm run update` writes it. */
function expectMade(file: string, made: string): void {
  if (process.env.UPDATE) writeFileSync(join(ROOT, file), made);
  expect(read(file), `${file} differs from the sources it is made from: npm run update writes it`).toBe(made);
}

test("docs/extending.md shows the blueprint of a driver as it is", () => {
  const page = read("docs/extending.md");
  const blueprint = read("src/drivers/blueprint/index.ts");
  const made = page.replace(
    /(\n### The blueprint\n[\s\S]*?^```ts\n)[\s\S]*?(^```$)/m,
    (_, before, after) => before + blueprint + after,
  );
  expect(made).toContain(blueprint);
  expectMade("docs/extending.md", made);
});
