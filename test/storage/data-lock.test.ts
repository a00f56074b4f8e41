import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataFolderInUseError, DataLock } from "../../src/storage/data-lock.ts";

const source = JSON.stringify(new URL("../../src/storage/data-lock.ts", import.meta.url).href);

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "voltbridge-lock-")), "data");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

/** Another process that has taken the lock. */
async function owner(): Promise<ChildProcess> {
  const script = `import { DataLock } from ${source}; globalThis.lock = DataLock.take(${JSON.stringify(folder)});
    console.log("taken"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout!, "data");
  return child;
}

function refusal(): unknown {
  try {
    DataLock.take(folder).release();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("data lock", () => {
  it("A22: a second process is refused at once, with the owner's pid; after its end, however, it is free", async () => {
    const child = await owner();
    const error = refusal();
    expect(error).toBeInstanceOf(DataFolderInUseError);
    expect(error).toMatchObject({ pid: child.pid });
    expect((error as Error).message).toContain(`process ${child.pid}`);
    expect((error as Error).message).toContain('"data" in the bridge config');
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    expect(refusal()).toBeUndefined();
  });

  it("A22, H11: nor where the lock was removed, or the whole folder", async () => {
    const child = await owner();
    for (const name of ["lock.sqlite", "lock.json"]) rmSync(join(folder, name));
    expect(refusal()).toMatchObject({ pid: child.pid });
    rmSync(folder, { recursive: true });
    expect(refusal()).toMatchObject({ pid: child.pid });
  });

  it("A22, H11: the owner makes a removed lock anew, and the new one holds", () => {
    const lock = DataLock.take(folder);
    expect(lock.restore()).toBeUndefined();
    rmSync(folder, { recursive: true });
    expect(lock.restore()).toContain("lock.sqlite was removed while in use");
    expect(refusal()).toMatchObject({ pid: process.pid });
    lock.release();
    expect(refusal()).toBeUndefined();
  });

  it("A22: within one process too; released, it can be taken again", () => {
    const lock = DataLock.take(folder);
    expect(refusal()).toMatchObject({ pid: process.pid });
    expect(statSync(join(folder, "lock.sqlite")).mode & 0o077).toBe(0);
    lock.release();
    expect(refusal()).toBeUndefined();
  });
});
