import { expect, test } from "vitest";
import {
  type Diagnostic,
  formatDiagnostic,
  hasErrors,
  sortDiagnostics,
  strict,
} from "../../../src/config/index.ts";

const at = (file: string, line: number, column: number, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: "bad_value",
  severity: "warning",
  file,
  line,
  column,
  message: "something is odd",
  ...more,
});

test("a diagnostic is one line with everything that is known", () => {
  const full = at("/site/a.json", 3, 5, {
    path: "interval",
    found: "0",
    expected: "1\nor more",
    suggestion: "10",
  });
  expect(formatDiagnostic(full)).toBe(
    '/site/a.json:3:5: warning [bad_value] interval: something is odd; found 0, expected 1 or more; did you mean "10"?',
  );
  expect(formatDiagnostic(at("/site/a.json", 1, 1), "/site")).toBe(
    "a.json:1:1: warning [bad_value] something is odd",
  );
  expect(formatDiagnostic(at("/other/a.json", 1, 1), "/site")).toMatch(/^\/other\/a\.json/);
});

test("sorted by file, line and column as numbers", () => {
  const sorted = sortDiagnostics([at("b", 1, 1), at("a", 10, 1), at("a", 9, 20), at("a", 9, 3)]);
  expect(sorted.map(({ file, line, column }) => `${file}:${line}:${column}`)).toEqual([
    "a:9:3",
    "a:9:20",
    "a:10:1",
    "b:1:1",
  ]);
});

test("--strict makes errors of warnings", () => {
  expect(hasErrors([at("a", 1, 1)])).toBe(false);
  expect(hasErrors(strict([at("a", 1, 1)]))).toBe(true);
});
