import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { kindOf, migrate, versionOf } from "../../src/queue/schema.ts";

test("A27: each step of a migration is taken whole or not at all, and the rest is taken up later", () => {
  const db = new DatabaseSync(":memory:");
  const first = "CREATE TABLE one (a)";
  expect(() => migrate(db, [first, "CREATE TABLE two (a); INSERT INTO missing VALUES (1)"])).toThrow(
    "missing",
  );
  const tables = () =>
    db
      .prepare("SELECT name FROM sqlite_schema")
      .all()
      .map(({ name }) => name);
  expect([versionOf(db), tables()]).toEqual([1, ["one"]]);
  migrate(db, [first, "CREATE TABLE two (a)"]);
  migrate(db, [first, "CREATE TABLE two (a)"]);
  expect([versionOf(db), tables()]).toEqual([2, ["one", "two"]]);
  db.close();
});

test("a file is known by its header", () => {
  const header = Buffer.alloc(100);
  expect(kindOf(header)).toBe("unknown");
  expect(kindOf(Buffer.from("SQLite format 3\0"))).toBe("unknown");
  header.write("SQLite format 3\0", "latin1");
  expect(kindOf(header)).toBe("foreign");
});
