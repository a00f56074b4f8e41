import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { voltbridge } from "../helpers/voltbridge.ts";

describe("what Node made of the sources is kept for the next start", () => {
  let temporary: string;
  const folder = () => join(temporary, `voltbridge-${process.getuid?.()}`);
  const start = (env: Record<string, string> = {}) =>
    voltbridge(["simulate", "--help"], { env: { TMPDIR: temporary, ...env } });
  const silent = { code: 0, stderr: "" };

  beforeEach(() => {
    vi.stubEnv("NODE_COMPILE_CACHE", undefined);
    vi.stubEnv("NODE_DISABLE_COMPILE_CACHE", undefined);
    temporary = mkdtempSync(join(tmpdir(), "voltbridge-cache-"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(temporary, { recursive: true });
  });

  test("in a temporary folder that only its user can read and write", async () => {
    expect(await start()).toMatchObject(silent);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    const [version] = readdirSync(folder());
    expect(readdirSync(join(folder(), version!)).length).toBeGreaterThan(100);
    expect(await start()).toMatchObject(silent);
  });

  test("not in one that others can write, and not where there is none; nothing is said", async () => {
    mkdirSync(folder());
    chmodSync(folder(), 0o777);
    expect(await start()).toMatchObject(silent);
    expect(readdirSync(folder())).toEqual([]);
    const file = join(temporary, "file");
    writeFileSync(file, "");
    expect(await start({ TMPDIR: file })).toMatchObject(silent);
    const missing = join(temporary, "missing");
    expect(await start({ TMPDIR: missing })).toMatchObject(silent);
    expect(readdirSync(temporary)).not.toContain("missing");
  });

  test("where the user says, or not at all", async () => {
    const own = join(temporary, "own");
    expect(await start({ NODE_COMPILE_CACHE: own })).toMatchObject(silent);
    expect(readdirSync(own)).toHaveLength(1);
    expect(await start({ NODE_DISABLE_COMPILE_CACHE: "1" })).toMatchObject(silent);
    expect(readdirSync(temporary)).toEqual(["own"]);
  });
});
