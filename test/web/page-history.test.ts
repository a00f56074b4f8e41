import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHistorian } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { accessibilityFaults, chromiumInstalled, looks, openPage, PHONE } from "../helpers/browser.ts";
import { readParquet } from "../helpers/parquet.ts";
import { WebSite } from "../helpers/web.ts";
import { SETTINGS } from "../historian/settings.ts";

const START = Date.UTC(2026, 9, 1);
const MINUTE = 60_000;
const ONE = "old/garage/load";
const TWO = "old/roof/volts";
const TEXT = "old/garage/state";
const DAY = `from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00Z`;
const href = (topics: readonly string[], more = DAY) =>
  `/history?${topics.map((topic) => `topic=${encodeURIComponent(topic)}&`).join("")}${more}`;

describe.skipIf(!chromiumInstalled)("History in Chromium", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({ guestRole: "operate" });
    await web.scraped();
    const historian = await openHistorian(SETTINGS, web.site.data, { log: createLog({ level: "silent" }) });
    // A value a minute, with a gap from 06:00 to 08:00; each hour has 0 to 59, so that its mean is 29.5.
    const minutes = Array.from({ length: 1440 }, (_, i) => i).filter((i) => i < 360 || i >= 480);
    const sample = (topic: string, i: number, value: number | string, units: string) => ({
      ...{ topic, value, time: (START + i * MINUTE) * 1000 },
      meta: { units, type: typeof value === "number" ? "float" : "string", tz: "UTC" } as const,
    });
    await historian.backend.write(minutes.map((i) => sample(ONE, i, i % 60, "kW")));
    await historian.backend.write(minutes.map((i) => sample(TWO, i, 230, "V")));
    await historian.backend.write(minutes.map((i) => sample(TEXT, i, i < 600 ? "AVAILABLE" : "INUSE", "")));
    await historian.close();
  });
  afterAll(async () => {
    await web?.stop();
  });

  const statistics = (page: Page) => page.getByRole("table", { name: /^Statistics/ });

  test("points are found by the words of station and point, and plotted together", async () => {
    const { page, troubles } = await openPage(`${web.url}/history?${DAY}`);
    await page.getByText("Curves of the points that you choose would be here.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Choose points…" }).click();
    const dialog = page.getByRole("dialog", { name: "Points" });
    // By the name that the network gave the station, which is no part of the topic.
    await dialog.getByLabel("Find stations and points").fill("north garage 01 portload");
    // Until then the list is that of the words before.
    await expect.poll(() => dialog.getByRole("checkbox").count()).toBe(2);
    expect(await dialog.innerText()).toContain("site/s1");
    expect(await accessibilityFaults(page)).toEqual([]);
    await dialog.getByLabel("Find stations and points").fill("OLD load");
    await dialog.getByRole("checkbox", { name: "load kW" }).check();
    await dialog.getByLabel("Find stations and points").fill("volts");
    await dialog.getByRole("checkbox", { name: "volts V" }).check();
    await dialog.getByRole("button", { name: "Show 2 points" }).click();
    const chart = page.getByRole("img", { name: /^2 stations/ });
    await chart.waitFor();
    const words = await chart.getAttribute("aria-label");
    expect(words).toContain("old/garage · load: 0 to 59 kW, last 59 kW");
    expect(words).toContain("old/roof · volts: 230 to 230 V");
    expect(new URL(page.url()).searchParams.getAll("topic")).toEqual([ONE, TWO]);
    await expect
      .poll(async () => (await statistics(page).innerText()).replace(/\s+/g, " "))
      .toMatch(
        /old\/garage · load 0 kW 29\.5 kW 59 kW 59 kW .* 1320 old\/roof · volts 230 V 230 V 230 V 230 V .* 1320/,
      );
    // The way back leads to the points before.
    await page.goBack();
    await page.getByText("Curves of the points that you choose would be here.").waitFor();
    await page.goForward();
    await chart.waitFor();
    await page.getByRole("button", { name: "Take out old/roof · volts" }).click();
    await expect.poll(() => new URL(page.url()).searchParams.getAll("topic")).toEqual([ONE]);
    expect(troubles).toEqual([]);
  });

  test("a drag zooms, a double click goes back, and all charts show the time of the cursor", async () => {
    const { page, troubles } = await openPage(`${web.url}${href([ONE, TWO], `${DAY}&charts=apart`)}`);
    const plots = page.locator(".u-over");
    await expect.poll(() => plots.count()).toBe(2);
    const { x, y, width, height } = (await plots.first().boundingBox())!;
    const middle = y + height / 2;
    await page.mouse.move(x + width / 2, middle);
    for (const legend of await page.locator(".legend").all())
      await expect.poll(() => legend.innerText()).toMatch(/\d\d:\d\d.*\d (kW|V)/s);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.75, middle, { steps: 5 });
    await page.mouse.up();
    const from = () => Date.parse(new URL(page.url()).searchParams.get("from")!);
    await expect.poll(() => Math.abs(from() - (START + 720 * MINUTE)) < 10 * MINUTE).toBe(true);
    await expect
      .poll(async () => (await statistics(page).innerText()).replace(/\s+/g, " "))
      .toMatch(/ 36\d /);
    await expect.poll(() => plots.count()).toBe(2);
    await plots.first().dblclick();
    await expect.poll(from).toBe(START);
    expect(troubles).toEqual([]);
  });

  test("means of periods, as table and as files of exactly what is chosen", async () => {
    const { page, troubles } = await openPage(`${web.url}${href([ONE])}`);
    await page.getByRole("combobox", { name: /^Values/ }).selectOption("mean");
    await page.getByLabel("of each").selectOption("hour");
    await expect.poll(() => new URL(page.url()).search).toContain("agg=avg&period=1h");
    await page.getByRole("button", { name: "Table", exact: true }).click();
    const table = page.getByRole("table", { name: /^Values of/ });
    await table.waitFor();
    // 24 hours without the two of the gap, and the head.
    await expect.poll(() => table.getAttribute("aria-rowcount")).toBe("23");
    expect(await table.getByRole("row").nth(1).innerText()).toContain("29.5");
    const file = async (name: string) => {
      await page.getByRole("button", { name: "Download what is chosen" }).click();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("menuitem", { name }).click(),
      ]);
      return (await download.path())!;
    };
    const csv = readFileSync(await file("CSV"), "utf8")
      .trim()
      .split("\n");
    expect(csv).toHaveLength(23);
    expect(csv[1]).toContain("29.5");
    const rows = await readParquet(await file("Parquet"));
    expect(rows).toHaveLength(22);
    expect(Object.keys(JSON.parse(readFileSync(await file("JSON"), "utf8")).values)).toEqual([ONE]);
    expect(troubles).toEqual([]);
  });

  test("texts are a list of changes; missing values have their reason; an unknown point hides no other", async () => {
    const { page } = await openPage(`${web.url}${href([TEXT, ONE, "old/garage/lod"])}`);
    const texts = page.getByRole("table", { name: "Changes of texts" });
    await texts.waitFor();
    await expect.poll(() => texts.getByRole("row").count()).toBe(3);
    expect(await texts.getByRole("row").nth(1).innerText()).toContain("INUSE");
    expect(await page.getByRole("alert").innerText()).toMatch(
      /no values of "old\/garage\/lod"; did you mean "old\/garage\/load"/,
    );
    const gaps = page.getByRole("table", { name: /^When values are missing/ });
    await gaps.waitFor();
    expect((await gaps.innerText()).replace(/\s+/g, " ")).toMatch(/2 h 120 Not recorded/);
  });

  test.each(looks("dark"))(
    "axe-core finds nothing, also where it failed; a phone shows it in its width: %s",
    async (_, look) => {
      const { page } = await openPage(`${web.url}${href([ONE, TWO, TEXT])}`, look);
      await page.getByRole("table", { name: /^When values are missing/ }).waitFor();
      await statistics(page).getByText("29.5").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.setViewportSize(PHONE);
      await expect.poll(() => page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      await page.route("**/api/v1/history?*", (route) => route.abort());
      await page.reload();
      await page.getByRole("alert").waitFor();
      expect(await page.getByRole("alert").count()).toBe(1);
      expect(await page.getByRole("alert").innerText()).toContain(
        "could not be reached for the values of this time",
      );
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.route("**/api/v1/bridge", async (route) => {
        const response = await route.fetch();
        const info = await response.json();
        await route.fulfill({ json: { ...info, has: { ...info.has, history: false } } });
      });
      await page.reload();
      await page.getByText("historian.backend").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );
});
