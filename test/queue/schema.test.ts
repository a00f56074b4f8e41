import { expect, test } from "vitest";
import { kindOf } from "../../src/queue/file.ts";

test("a file is known by its header", () => {
  const header = Buffer.alloc(100);
  expect(kindOf(header)).toBe("unknown");
  expect(kindOf(Buffer.from("SQLite format 3\0"))).toBe("unknown");
  header.write("SQLite format 3\0", "latin1");
  expect(kindOf(header)).toBe("foreign");
});
