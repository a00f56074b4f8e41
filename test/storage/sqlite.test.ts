import { expect, test } from "vitest";
import { Connection, type Form } from "../../src/storage/sqlite.ts";

test("A27: each step of a migration is taken whole or not at all, and the rest is taken up later", () => {
  const connection = Connection.open(":memory:", {});
  const form = (...steps: string[]): Form => ({
    newest: steps.length,
    steps: (version) => steps.slice(version),
    newer: (message) => new Error(message),
  });
  const first = "CREATE TABLE one (a)";
  expect(() =>
    connection.migrate(form(first, "CREATE TABLE two (a); INSERT INTO missing VALUES (1)")),
  ).toThrow("missing");
  const now = () => [
    connection.number("PRAGMA user_version"),
    connection.all("SELECT name FROM sqlite_schema").flat(),
  ];
  expect(now()).toEqual([1, ["one"]]);
  connection.migrate(form(first, "CREATE TABLE two (a)"));
  connection.migrate(form(first, "CREATE TABLE two (a)"));
  expect(now()).toEqual([2, ["one", "two"]]);
  expect(() => connection.migrate(form(first))).toThrow(
    /:memory: was created by a newer voltbridge \(format 2; this version supports 1\)/,
  );
  connection.close();
});
