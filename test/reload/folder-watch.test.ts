import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  type watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog } from "../../src/log/log.ts";
import { FolderWatch } from "../../src/reload/folder-watch.ts";
import { Workplace } from "../cli/workplace.ts";
import { eventually } from "../helpers/eventually.ts";

const QUIET_MS = 100;

let place: Workplace;
let lines: string[];
let calls: number[];
let folders: FolderWatch;
beforeEach(async () => {
  place = new Workplace({ "configs/one.json": "1", "configs/site/two.json": "2", "registry/a.csv": "a" });
  lines = [];
  calls = [];
  folders = make();
});
afterEach(() => {
  folders.stop();
  place.remove();
});

function make(more: { watch?: typeof watch; quietMs?: number; longestMs?: number } = {}): FolderWatch {
  const log = createLog({ write: (line) => void lines.push(line) });
  return new FolderWatch({
    onChange: () => void calls.push(performance.now()),
    log,
    quietMs: QUIET_MS,
    ...more,
  });
}

/** Begins to watch these folders; the call about what happened before that is over. */
async function follow(...names: string[]): Promise<void> {
  folders.follow(new Set(names.map((name) => place.at(name))));
  await next(0);
  calls = [];
}

/** Waits for a call after `before` of them. */
const next = (before: number) => eventually(() => expect(calls.length).toBeGreaterThan(before), 10_000, 10);

/** Does something, and waits for the one call that follows. */
async function once(what: () => void): Promise<void> {
  const before = calls.length;
  what();
  await next(before);
  await delay(3 * QUIET_MS);
  expect(calls.length - before).toBe(1);
}

test("F6: an atomic rename, a removed file, a file written in place and a hidden name are one call each", async () => {
  await follow("configs");
  await once(() => {
    place.write("configs/.one.json.swp", "new");
    renameSync(place.at("configs/.one.json.swp"), place.at("configs/one.json"));
  });
  await once(() => rmSync(place.at("configs/one.json")));
  await once(() => place.write("configs/one.json", "again"));
  await once(() => place.write("configs/..data_tmp", "x"));
});

test("F6: a file that is written in two halves, and one that is absent for a moment, are one call each", async () => {
  folders = make({ quietMs: 500 });
  await follow("configs");
  place.write("configs/one.json", '{ "driver_type": ');
  await delay(50);
  appendFileSync(place.at("configs/one.json"), '"fake" }');
  const written = performance.now();
  await next(0);
  expect(calls[0]! - written).toBeGreaterThan(450);
  rmSync(place.at("configs/one.json"));
  await delay(50);
  place.write("configs/one.json", "back");
  await next(1);
  await delay(600);
  expect(calls).toHaveLength(2);
});

test("F6: a hundred saves a second are one call after the last", async () => {
  folders = make({ quietMs: 500, longestMs: 60_000 });
  await follow("configs");
  let last = 0;
  for (let i = 0; i < 50; i++) {
    place.write("configs/one.json", `${i}`);
    last = performance.now();
    await delay(10);
  }
  await next(0);
  expect(calls[0]!).toBeGreaterThan(last + 450);
  await delay(600);
  expect(calls).toHaveLength(1);
});

test("F6: saves without an end are reported after the longest time", async () => {
  folders = make({ quietMs: 500, longestMs: 1000 });
  await follow("configs");
  const began = performance.now();
  while (calls.length === 0 && performance.now() - began < 10_000) {
    place.write("configs/one.json", "x");
    await delay(10);
  }
  expect(calls[0]! - began).toBeGreaterThan(950);
  expect(performance.now() - began).toBeLessThan(9000);
});

test("F6: the swap of a link, as Kubernetes does it, is a call, and the new folder is watched", async () => {
  place.write("mount/..v1/a.csv", "1");
  place.write("mount/..v2/a.csv", "2");
  symlinkSync("..v1", place.at("mount/..data"));
  symlinkSync("..data/a.csv", place.at("mount/a.csv"));
  await follow("mount", "mount/..data");
  await once(() => {
    symlinkSync("..v2", place.at("mount/..data_tmp"));
    renameSync(place.at("mount/..data_tmp"), place.at("mount/..data"));
  });
  await once(() => place.write("mount/..v2/a.csv", "3"));
});

test("F6: a folder that is moved away and back, or deleted and made anew, is a call each time, and watched again", async () => {
  await follow("configs", "registry");
  await once(() => renameSync(place.at("configs"), place.at("away")));
  await once(() => renameSync(place.at("away"), place.at("configs")));
  await once(() => place.write("configs/one.json", "x"));
  await once(() => rmSync(place.at("configs"), { recursive: true }));
  await once(() => place.write("configs/one.json", "new"));
  await once(() => place.write("configs/one.json", "newer"));
});

test("F6: a folder is waited for through parents that do not exist; a parent that is moved away is a change", async () => {
  await follow("registry", "deep/er/configs");
  mkdirSync(place.at("deep"));
  await delay(2 * QUIET_MS);
  expect(calls).toHaveLength(0);
  await once(() => place.write("deep/er/configs/one.json", "x"));
  await once(() => renameSync(place.at("deep"), place.at("elsewhere")));
});

test("F6: a new folder with a file in it is a call, and so is what came before it was watched", async () => {
  await follow("configs");
  await once(() => place.write("configs/new/three.json", "3"));
  place.write("configs/new/four.json", "4");
  await once(() => folders.follow(new Set([place.at("configs"), place.at("configs/new")])));
  await once(() => place.write("configs/new/three.json", "5"));
});

test("files that the bridge keeps itself, and folders that are followed no more, are no change", async () => {
  await follow("configs", "registry");
  for (const name of ["outbox.sqlite", "outbox.sqlite-wal", "lock.json"]) place.write(`configs/${name}`, "x");
  folders.follow(new Set([place.at("configs")]));
  place.write("registry/a.csv", "b");
  await delay(3 * QUIET_MS);
  expect(calls).toHaveLength(0);
});

test("folders that cannot be watched are reported once with the remedy, and looked at", async () => {
  const full = () => {
    throw Object.assign(new Error("full"), { code: "ENOSPC" });
  };
  folders = make({ watch: full as never });
  await follow("configs", "configs/site", "registry");
  expect(lines).toEqual([
    expect.stringMatching(
      /warn {2}reload: cannot watch .*configs \(ENOSPC\).*Raise fs.inotify.max_user_watches/,
    ),
  ]);
  await once(() => place.write("registry/a.csv", "longer"));
  await once(() => rmSync(place.at("configs/site"), { recursive: true }));
  await once(() => place.write("configs/site/two.json", "2"));
  expect(lines).toHaveLength(1);
});

test("nothing is left open after the stop, and no call comes", async () => {
  const open = () =>
    process.getActiveResourcesInfo().filter((name) => /FSEvent|FSWatcher/i.test(name)).length;
  const before = open();
  await follow("configs", "configs/site", "registry", "missing");
  writeFileSync(join(place.folder, "configs/one.json"), "x");
  await delay(QUIET_MS / 2);
  folders.stop();
  expect(open()).toBe(before);
  await delay(2 * QUIET_MS);
  expect(calls).toHaveLength(0);
});
