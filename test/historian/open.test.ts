import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HistorianSettings } from "../../src/config/index.ts";
import { openHistorian, QueryError, volttronAnswer } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { sample } from "../contracts/historian-contract.ts";
import { SETTINGS } from "./settings.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const log = createLog({ level: "silent" });

describe("openHistorian", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-open-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (settings: Partial<HistorianSettings> = {}, readonly?: boolean) =>
    openHistorian({ ...SETTINGS, ...settings }, folder, readonly === undefined ? { log } : { log, readonly });

  it("writes to the data folder by default, and reads it again readonly", async () => {
    const writing = await open();
    await writing.backend.write([sample("a/b", NOON, 1.5)]);
    const reading = await open({ connection: { path: join(folder, "historian.sqlite") } }, true);
    expect(await reading.topics()).toEqual([
      { name: "a/b", meta: { units: "kW", type: "float", tz: "UTC" } },
    ]);
    await reading.close();
    await writing.close();
  });

  it("readonly, it says that there is no history yet", async () => {
    await expect(open({}, true)).rejects.toThrow(
      /no history at .*historian\.sqlite yet; start voltbridge run, which creates it/,
    );
    await expect(open({ readonly: true })).rejects.toThrow("no history at");
  });

  it("names every problem of the connection settings", async () => {
    const opening = open({ connection: { pth: "x", durability: "fast" } });
    await expect(opening).rejects.toMatchObject({ name: "HistorianError", kind: "give_up" });
    await expect(open({ connection: { pth: "x", durability: "fast" } })).rejects.toThrow(
      /historian\.connection \(backend sqlite\) must NOT have additional properties: pth; historian\.connection\.durability .*: full, normal/,
    );
  });

  it.each(["none", "sqlte", "constructor"])("refuses backend %s with what there is", async (backend) => {
    await expect(open({ backend })).rejects.toThrow(/historian.*sqlite/);
  });

  it("B6: answers in VOLTTRON's shapes", async () => {
    const historian = await open();
    await historian.backend.write([sample("a/b", NOON, 1.5), sample("a/c", NOON, null)]);
    const row = ["2026-11-21T12:00:00.000000+00:00", 1.5];
    const meta = { units: "kW", type: "float", tz: "UTC" };
    const one = await historian.query({ topic: "A/B" });
    expect(volttronAnswer(one, true)).toEqual({ values: [row], metadata: meta });
    const several = await historian.query({
      topic: ["a/b", "a/c"],
      start: "2026-11-21",
    });
    expect(volttronAnswer(several, false)).toEqual({
      values: { "a/b": [row], "a/c": [[row[0], null]] },
      metadata: {},
    });
    expect(volttronAnswer(await historian.query({ topic: "no/such" }), true)).toEqual({});
    const empty = await historian.query({ topic: "a/b", start: "2027-01-01" });
    expect(empty.values).toEqual({ "a/b": [] });
    expect(volttronAnswer(empty, true)).toEqual({});
    await historian.close();
  });

  it.each([
    [{}, "topic: either topics or a pattern must be given"],
    [{ topic: "a", pattern: "b" }, "topic: either topics or a pattern must be given"],
    [{ topic: "a", skip: -1 }, "skip: must be a whole number of 0 or more, found -1"],
    [{ topic: "a", count: 1.5 }, "count: must be a whole number of 0 or more, found 1.5"],
    [{ topic: "a", order: "DOWN" }, 'order: must be FIRST_TO_LAST or LAST_TO_FIRST, found "DOWN"'],
    [
      { topic: "a", start: "2026-11-22", end: "2026-11-21" },
      "end: must not be before the start 2026-11-22, found 2026-11-21",
    ],
    [{ topic: "a", aggType: "AVG" }, "agg_period: is missing"],
    [{ topic: "a", aggPeriod: "1h" }, "agg_type: is missing"],
    [
      { topic: "a", aggType: "MEAN", aggPeriod: "1h" },
      'agg_type: must be one of AVG, MIN, MAX, SUM, COUNT, FIRST, LAST; found "MEAN"',
    ],
    [{ topic: "a", aggType: "avg", aggPeriod: "1x" }, 'e.g. 15m; found "1x"'],
    [{ topic: "a", start: "noon" }, 'start: must be a time, found "noon"'],
  ])("B6: %j is refused with its reason", async (query, reason) => {
    const historian = await open();
    const failed = await historian.query(query).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(QueryError);
    expect((failed as QueryError).message).toContain(reason);
    await historian.close();
  });
});
