import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHistorian } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { openSessionDatabase } from "../../src/sessions/index.ts";
import { insertMissing } from "../../src/sessions/sync/inserts.ts";
import { accessibilityFaults, chromiumInstalled, looks, openPage, PHONE } from "../helpers/browser.ts";
import { WebSite } from "../helpers/web.ts";
import { SETTINGS } from "../historian/settings.ts";

/** 250 sessions, one an hour from 1 November on, of 2 kWh; 1.10 EUR or 200 JPY each; the last is active. */
const COUNT = 250;
const START = Date.UTC(2026, 10, 1);
const HOUR = 3_600_000;
const at = (hours: number) => new Date(START + hours * HOUR).toISOString().replace(".000", "");
const RANGE = "from=2026-11-01T00:00:00Z&to=2026-11-12T00:00:00Z";
/** Name of the first station at the network. */
const NAME = "RIVERBEND / NORTH GARAGE 01";
const USER = "driver-4711";

describe.skipIf(!chromiumInstalled)("Sessions in Chromium", () => {
  let web: WebSite;
  let station: string;
  beforeAll(async () => {
    web = await WebSite.start({
      guestRole: "operate",
      bridge: { sessions: { enabled: true, publish: false }, historian: { backend: "sqlite" } },
    });
    await web.scraped();
    station = web.simulator.stationIDs[0]!;
    const database = await openSessionDatabase({
      ...{ backend: "sqlite", connection: {}, dataFolder: web.site.data, readonly: false },
    });
    const { dialect } = database;
    const insert = <T extends object>(table: Parameters<typeof insertMissing>[1], rows: readonly T[]) =>
      insertMissing(dialect, table, Object.keys(rows[0]!) as never, rows as never);
    const stations = [
      { station_id: station, name: NAME },
      { station_id: "9:9", name: "<script>alert(9)</script>" },
    ];
    const sessions = Array.from({ length: COUNT }, (_, i) => ({
      ...{ session_id: String(i + 1), account: "a", station_id: i % 2 ? "9:9" : station, port_number: "1" },
      ...{ started_at: at(i), ended_at: i === COUNT - 1 ? null : at(i + 0.5), energy_kwh: 2, user_id: USER },
      ...{ connected_seconds: 1800, charging_seconds: 1200, revision: 1, changed_at: at(0) },
    }));
    const payments = sessions.map(({ session_id, station_id, started_at }, i) => ({
      ...{ transaction_id: session_id, session_id, station_id, reported_at: started_at, type: "Session" },
      ...(i % 2
        ? { currency: "JPY", gross_amount: 200, net_revenue_amount: 180 }
        : { currency: "EUR", gross_amount: 1.1, net_revenue_amount: 1 }),
    }));
    const intervals = [
      { session_id: "1", started_at: at(0), energy_kwh: 1.25, peak_kw: 6, average_kw: 5 },
      { session_id: "1", started_at: at(0.25), energy_kwh: 0.75, peak_kw: 4, average_kw: 3 },
    ];
    await database.write([
      insert("station", stations),
      insert(
        "port",
        stations.map(({ station_id }) => ({ station_id, port_number: "1" })),
      ),
      insert("user", [{ user_id: USER }]),
      insert("session", sessions),
      insert("payment", payments),
      insert("interval", intervals),
    ]);
    await database.close();
    const historian = await openHistorian(SETTINGS, web.site.data, { log: createLog({ level: "silent" }) });
    const meta = { units: "kW", type: "float", tz: "UTC" } as const;
    const load = (i: number) => ({
      ...{ topic: "site/s1/portLoad_1", value: i < 90 ? 5.5 : 3.25, meta },
      time: (START + i * 10_000) * 1000,
    });
    await historian.backend.write(Array.from({ length: 180 }, (_, i) => load(i)));
    await historian.close();
  });
  afterAll(async () => {
    await web?.stop();
  });

  const plain = (text: string) => text.replace(/[\s\u00a0]+/g, " ");

  test("sums by day, month and station are those of the database, money by currency", async () => {
    const { page, troubles } = await openPage(`${web.url}/sessions?${RANGE}`, {
      own: { timezoneId: "UTC" },
    });
    const totals = page.locator(".totals");
    await totals.waitFor();
    const all = plain(await totals.innerText());
    for (const sum of ["250", "500 kWh", "2.00 kWh", "EUR 137.50", "JPY 25,000", "30 min"])
      expect(all).toContain(sum);
    const days = page.getByRole("table", { name: "Sums by day" });
    await expect.poll(() => days.getByRole("row").count()).toBe(12);
    const { body } = await web.get(`/sessions/summary?${RANGE}&by=day`);
    const rows = body.rows.toReversed() as { sessions: number; energyKwh: number }[];
    for (const [index, { sessions, energyKwh }] of rows.entries())
      expect(
        plain(
          await days
            .getByRole("row")
            .nth(index + 1)
            .innerText(),
        ),
      ).toContain(` ${sessions} ${energyKwh.toFixed(2)} kWh 2.00 kWh `);
    await page.getByRole("button", { name: "by month" }).click();
    const months = page.getByRole("table", { name: "Sums by month" });
    await months.waitFor();
    expect(plain(await months.getByRole("row").nth(1).innerText())).toMatch(
      /^November 2026 250 500 kWh 2\.00 kWh .* EUR 137\.50 \+ JPY 25,000/,
    );
    await page.getByRole("button", { name: "by station" }).click();
    const stations = page.getByRole("table", { name: "Sums by station" });
    await stations.waitFor();
    expect(plain(await stations.innerText())).toMatch(
      /<script>alert\(9\)<\/script> 125 .*NORTH GARAGE 01 125 /,
    );
    // A station leads to its days, and the way back to all stations.
    await stations.getByRole("button", { name: NAME }).click();
    await expect.poll(async () => plain(await totals.innerText())).toMatch(/125.*250 kWh/);
    expect(plain(await totals.innerText())).not.toContain("JPY");
    expect(new URL(page.url()).searchParams.get("station")).toBe(station);
    await page.goBack();
    await stations.waitFor();
    expect(troubles).toEqual([]);
  });

  test("the list is paged, marks active sessions, follows the filter, and is downloaded", async () => {
    const { page, troubles } = await openPage(`${web.url}/sessions?${RANGE}`);
    const list = page.getByRole("table", { name: /^Sessions,/ });
    await list.waitFor();
    expect(await list.getAttribute("aria-rowcount")).toBe("101");
    expect(await list.getByRole("row").nth(1).innerText()).toContain("active");
    await page.getByRole("button", { name: "Show 100 more" }).click();
    await expect.poll(() => list.getAttribute("aria-rowcount")).toBe("201");
    await page.getByRole("button", { name: "Show 100 more" }).click();
    await expect.poll(() => list.getAttribute("aria-rowcount")).toBe("251");
    expect(await page.getByRole("button", { name: "Show 100 more" }).count()).toBe(0);
    await page.getByRole("button", { name: "active", exact: true }).click();
    await expect.poll(() => list.getAttribute("aria-rowcount")).toBe("2");
    await page.getByRole("combobox", { name: "Station" }).selectOption(NAME);
    await page.getByText("No session of this time is active.").waitFor();
    await page.getByRole("button", { name: "Download these sessions" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: "CSV" }).click(),
    ]);
    expect(
      readFileSync((await download.path())!, "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(126);
    expect(troubles).toEqual([]);
  });

  test("a session opens with its power curve at full resolution, its quarter hours, money and driver", async () => {
    const { page, troubles } = await openPage(`${web.url}/sessions/1`);
    const curve = page.getByRole("img", { name: /^Power/ });
    await curve.waitFor();
    expect(await curve.getAttribute("aria-label")).toMatch(
      /Load: 3\.25 to 5\.5 kW, last 3\.25 kW\. Quarter hours: 3 to 5 kW/,
    );
    const facts = plain(await page.locator(".facts").innerText());
    for (const fact of ["port 1", "30 min, 20 min of it charging", "2.00 kWh, 6.00 kW in the mean", USER])
      expect(facts).toContain(fact);
    expect(plain(await page.getByRole("table", { name: /^Payments/ }).innerText())).toContain("EUR 1.10");
    expect(
      await page
        .getByRole("table", { name: /^Quarter hours/ })
        .getByRole("row")
        .count(),
    ).toBe(3);
    await page.getByRole("button", { name: "Table", exact: true }).click();
    await expect
      .poll(() => page.getByRole("table", { name: /^Values of/ }).getAttribute("aria-rowcount"))
      .toBe("182");
    await page.locator(".facts").getByRole("link").click();
    await page.waitForURL("**/stations/site/s1");
    await page.goto(`${web.url}/sessions/999`);
    await page.getByText("There is no session 999.").waitFor();
    expect(troubles.filter((text) => !text.includes("404"))).toEqual([]);
  });

  test.each(looks("light"))(
    "axe-core finds nothing, also where it failed; a phone shows it in its width: %s",
    async (_, look) => {
      const { page } = await openPage(`${web.url}/sessions?${RANGE}`, look);
      await page.getByRole("table", { name: /^Sessions,/ }).waitFor();
      await page.locator(".totals").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.setViewportSize(PHONE);
      await expect.poll(() => page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      await page.goto(`${web.url}/sessions/1`);
      await page.getByRole("img", { name: /^Power/ }).waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.route("**/api/v1/sessions**", (route) => route.abort());
      await page.goto(`${web.url}/sessions?${RANGE}`);
      await expect.poll(() => page.getByRole("alert").count()).toBe(2);
      expect(await accessibilityFaults(page)).toEqual([]);
      // A reader without the role, at a bridge that reads no sessions.
      await page.unroute("**/api/v1/sessions**");
      const has = { history: true, sessions: true, reload: false };
      await page.route("**/api/v1/bridge", async (route) => {
        const info = await (await route.fetch()).json();
        await route.fulfill({ json: { ...info, has, caller: { ...info.caller, personalData: false } } });
      });
      await page.goto(`${web.url}/sessions/1`);
      await page.getByText(/Personal data: your role/).waitFor();
      expect(await page.getByText(USER).count()).toBe(0);
      has.sessions = false;
      await page.goto(`${web.url}/sessions`);
      await page.getByText("sessions.enabled").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );
});
