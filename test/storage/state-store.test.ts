import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StateStore } from "../../src/storage/state-store.ts";
import { noSmallDisk, SmallDisk } from "../queue/small-disk.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-state-"));
  file = join(folder, "data", "state.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("state store", () => {
  it("keeps JSON values by namespace and key across openings; null removes", () => {
    const value = { limit: 12.5, ports: ["1", "1A"], none: null, on: false, zero: 0 };
    const first = StateStore.open(file);
    first.namespace("driver a").set("last", value);
    first.namespace("driver b").set("last", 0);
    first.namespace("driver a").set("gone", "x");
    first.namespace("driver a").set("gone", null);
    first.close();
    const second = StateStore.open(file);
    expect(second.namespace("driver a").get("last")).toEqual(value);
    expect(second.namespace("driver b").get("last")).toBe(0);
    expect(second.namespace("driver a").get("gone")).toBeNull();
    expect(second.namespace("driver a").entries()).toEqual([["last", value]]);
    expect(second.setAside).toBeUndefined();
    second.close();
  });

  it("G6: is readable by its owner only, its journal and its folder too", () => {
    const store = StateStore.open(file);
    store.namespace("n").set("k", 1);
    for (const name of readdirSync(join(folder, "data")))
      expect(statSync(join(folder, "data", name)).mode & 0o077, name).toBe(0);
    expect(statSync(join(folder, "data")).mode & 0o077).toBe(0);
    store.close();
  });

  it.skipIf(noSmallDisk)(
    "E25: has room for what comes next, also after much was written, when others fill the disk",
    async () => {
      const disk = new SmallDisk(8 * 1024 * 1024);
      const store = StateStore.open(join(disk.data, "state.sqlite"));
      const errors: unknown[] = [];
      store.reportTo({ unsaved: (error) => void errors.push(error), setAside: () => {} });
      try {
        for (let n = 0; n < 3000; n++) {
          store.namespace("commands").set(`${n}`, "x".repeat(300));
          if (n % 50 === 0) await nextTurn();
        }
        disk.fill();
        for (let n = 0; n < 100; n++) store.namespace("holds").set(`${n % 10}`, `${n}`.repeat(50));
        expect(errors).toEqual([]);
        // The reserve was not needed.
        expect(existsSync(join(disk.data, "state.sqlite-ballast"))).toBe(true);
      } finally {
        store.close();
        disk.remove();
      }
    },
  );

  it("A19: a damaged file is moved aside and replaced by a new one", () => {
    StateStore.open(file).close();
    writeFileSync(file, Buffer.alloc(4096, 0xa5));
    const store = StateStore.open(file);
    expect(store.setAside).toMatch(/state\.sqlite\.damaged-\d{4}-\d{2}-\d{2}T/);
    expect(existsSync(store.setAside!)).toBe(true);
    store.namespace("n").set("k", 1);
    expect(store.namespace("n").get("k")).toBe(1);
    store.close();
  });

  it("H11: a file removed while in use is created again with its contents, and this is reported once", () => {
    const store = StateStore.open(file);
    store.namespace("holds").set("site/s1/allowedLoad", { value: 0 });
    expect(store.restore()).toBeUndefined();
    rmSync(join(folder, "data"), { recursive: true });
    store.namespace("holds").set("site/s2/allowedLoad", { value: 5 });
    expect(store.restore()).toContain("data/state.sqlite was removed while in use");
    expect(store.restore()).toBeUndefined();
    store.namespace("holds").set("site/s3/allowedLoad", { value: 7 });
    // As after a kill: what is on the disk counts.
    const second = StateStore.open(file);
    expect(second.namespace("holds").entries()).toEqual([
      ["site/s1/allowedLoad", { value: 0 }],
      ["site/s2/allowedLoad", { value: 5 }],
      ["site/s3/allowedLoad", { value: 7 }],
    ]);
    expect(statSync(file).mode & 0o077).toBe(0);
    second.close();
    store.close();
  });

  it("H11: where it cannot be made anew, nothing is lost until it can", () => {
    const store = StateStore.open(file);
    store.namespace("n").set("k", 1);
    rmSync(join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "data"), "in the way");
    expect(() => store.restore()).toThrow(/data/);
    store.namespace("n").set("k", 2);
    rmSync(join(folder, "data"));
    expect(store.restore()).toContain("was removed");
    expect(store.namespace("n").get("k")).toBe(2);
    store.close();
  });

  it("A19: a file of a newer version is refused and left as it is", () => {
    StateStore.open(file).close();
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(() => StateStore.open(file)).toThrow(/newer voltbridge.*voltbridge restore/s);
    expect(readdirSync(join(folder, "data")).some((name) => name.includes("damaged"))).toBe(false);
  });
});
