import { expect, test } from "vitest";
import { isForeign } from "../../src/queue/file.ts";

test("a file is known by its header", () => {
  const header = Buffer.alloc(100);
  expect(isForeign(header)).toBe(false);
  expect(isForeign(Buffer.from("SQLite format 3\0"))).toBe(false);
  header.write("SQLite format 3\0", "latin1");
  expect(isForeign(header)).toBe(true);
});
