import { globSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityFaults, chromiumInstalled, looks, openPage } from "../helpers/browser.ts";
import { endings } from "../helpers/endings.ts";
import { WebSite } from "../helpers/web.ts";

describe.skipIf(!chromiumInstalled)("the page in Chromium", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({ stations: 12, guestRole: "operate", device: { interval: 2 } });
    await web.scraped();
  });
  afterAll(async () => {
    await web?.stop();
  });

  test("shows every port, and a limit that is set elsewhere, without being loaded again", async () => {
    const { page, troubles } = await openPage(web.url);
    const row = page.getByRole("row").filter({ hasText: "RIVERBEND / NORTH GARAGE 01" }).first();
    await row.waitFor();
    expect(await row.innerText()).toMatch(/1\s+.*available\s+0\.00 kW\s+–/);
    await page.getByRole("link", { name: /24 ports/ }).waitFor();
    // The curves of the last hour: of the site, and of the port.
    await page.getByRole("img", { name: /^Load of all stations in the last hour/ }).waitFor();
    await row.locator(".sparkline").waitFor();
    const body = { value: 3, durationMinutes: 60 };
    expect((await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", body)).status).toBe(200);
    await row.getByText("limited").waitFor();
    await expect.poll(() => row.innerText()).toMatch(/3\.0 kW\s+(1 h|60 min)/);
    await page.getByRole("link", { name: "1 limited" }).click();
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    expect(new URL(page.url()).search).toBe("?show=limited");
    await page.goBack();
    await expect.poll(() => page.getByRole("row").count()).toBeGreaterThan(20);
    expect(troubles).toEqual([]);
  });

  test("a link to all stations empties the filter", async () => {
    const { page } = await openPage(`${web.url}/?filter=nothing`);
    await page.getByRole("link", { name: "Show all." }).click();
    await expect.poll(() => page.getByLabel("Filter stations").inputValue()).toBe("");
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    expect(new URL(page.url()).search).toBe("");
  });

  test("works with the keyboard alone", async () => {
    const { page, troubles } = await openPage(web.url);
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("garage 07");
    await expect.poll(() => page.getByRole("table").getAttribute("aria-rowcount")).toBe("3");
    expect(new URL(page.url()).searchParams.get("filter")).toBe("garage 07");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("table").getAttribute("aria-rowcount")).toBe("25");
    await page.keyboard.press("Escape");
    for (const key of ["j", "j", "j", "k"]) {
      await page.keyboard.press(key);
      await page.waitForFunction(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
      );
    }
    expect(await page.evaluate("document.activeElement.closest('tr').getAttribute('aria-rowindex')")).toBe(
      "3",
    );
    await page.keyboard.press("?");
    const keys = page.getByRole("dialog", { name: "Keys" });
    await keys.waitFor();
    expect(await keys.innerText()).toContain("Go to Registry");
    await page.keyboard.press("Escape");
    await keys.waitFor({ state: "detached" });
    // The focus is back on the row.
    await page.keyboard.press("Enter");
    await page.waitForURL("**/stations/site/s1");
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.waitForURL(`${web.url}/`);
    expect(troubles).toEqual([]);
  });

  test.each(looks("light"))("axe-core finds nothing on the Stations view: %s", async (_, look) => {
    const { page } = await openPage(`${web.url}/?as=cards`, look);
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.goto(web.url);
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.route("**/api/v1/devices", (route) => route.fulfill({ status: 502, body: "bad gateway" }));
    await page.goto(web.url);
    await page.getByRole("alert").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test("the tabs of one browser share one connection; the next tab takes it over", async () => {
    const { page } = await openPage(`${web.url}/api/v1/bridge`);
    const asked: Promise<string | null>[] = [];
    const context = page.context();
    const onRequest = (request: Request) => {
      if (request.url().endsWith("/live")) asked.push(request.headerValue("last-event-id"));
    };
    context.on("request", onRequest);
    endings.push(() => context.off("request", onRequest));
    await page.goto(web.url);
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    const second = await context.newPage();
    await second.goto(web.url);
    const row = second.getByRole("row").filter({ hasText: "RIVERBEND / NORTH GARAGE 02" }).first();
    await row.waitFor();
    const body = { value: 2, durationMinutes: 60 };
    expect((await web.post("/devices/site%2Fs2/points/allowedLoad_1/set", body)).status).toBe(200);
    await row.getByText("limited").waitFor();
    expect(asked).toHaveLength(1);
    await page.close();
    await expect.poll(() => asked.length).toBe(2);
    // It goes on after the last event that it saw.
    expect(await asked[1]).toMatch(/^\w+-\d+$/);
  });

  test("a failed answer says what happened, what is safe and what to do", async () => {
    const { page } = await openPage(`${web.url}/nowhere`);
    await page.getByText("There is no view at this address.").waitFor();
    await page.route("**/api/v1/devices", (route) => route.abort());
    await page.goto(web.url);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(
      /The bridge could not be reached for the stations\.[\s\S]*Limits that are in force stay in force[\s\S]*Check that the bridge is running/,
    );
    await page.unroute("**/api/v1/devices");
    await alert.getByRole("button", { name: "Try again" }).click();
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
  });

  test("draws only the visible ones of 10,000 stations, whatever their names are", async () => {
    const { page, troubles } = await openPage(`${web.url}/nowhere`);
    const [view] = (await web.get("/devices")).body.devices;
    const names = ["<script>alert(1)</script>", "محطة الشحن", "⚡️ 🚗", "x".repeat(500)];
    const devices = Array.from({ length: 10_000 }, (_, at) => ({
      ...{ ...view, device: `made/up/${at}`, name: names[at] ?? `Station ${at}` },
    }));
    await page.route("**/api/v1/devices", (route) => route.fulfill({ json: { devices } }));
    await page.goto(web.url);
    // Those of the bridge itself come with its live events, when they change.
    await page.getByText(/^20\u20090\d\d ports/).waitFor();
    await page.getByText(names[0]!, { exact: true }).first().waitFor();
    const rows = () => page.locator("tbody tr[aria-rowindex]").count();
    expect(await rows()).toBeLessThan(80);
    await page.evaluate("scrollTo(0, 300800)");
    await page.getByRole("row").filter({ hasText: "Station 4700" }).first().waitFor();
    expect(await rows()).toBeLessThan(80);
    // The way back leads to the same rows.
    await page.getByText("Station 4700", { exact: true }).first().click();
    await page.waitForURL("**/stations/made/up/4700");
    await page.goBack();
    await page.getByRole("row").filter({ hasText: "Station 4700" }).first().waitFor();
    expect(await page.evaluate("Math.abs(scrollY - 300800) < 1000")).toBe(true);
    // The bridge has no such station, which its own view says.
    expect(troubles.filter((text) => !text.includes("404"))).toEqual([]);
  });

  test("the first view is small, and nothing of it is inline", () => {
    const folder = new URL("../../dist/web/page/", import.meta.url);
    const html = readFileSync(new URL("index.html", folder), "utf8");
    expect(html).not.toMatch(/<script>|<style|style=|data:/);
    // What the page loads, and the Stations view; what is imported when it is opened (other views, charts) is not among it.
    const names = new Set([...html.matchAll(/assets\/[^"]+/g)].map(([name]) => name));
    for (const name of globSync("assets/stations-*.js", { cwd: folder })) names.add(name);
    for (const name of names)
      for (const [, imported] of readFileSync(new URL(name, folder), "utf8").matchAll(
        /(?:from|import)"\.\/([^"]+)"/g,
      ))
        names.add(`assets/${imported}`);
    expect(names.size).toBeGreaterThan(3);
    const files = [...names].map((name) => readFileSync(new URL(name, folder)));
    const compressed = files.reduce((sum, file) => sum + gzipSync(file).length, gzipSync(html).length);
    expect(compressed).toBeLessThan(80_000);
  });
});

describe.skipIf(!chromiumInstalled)("the page of a bridge with users", () => {
  test("logs in and out; a link is kept over the login", async () => {
    const users = [{ name: "ana", password: "correct horse", role: "view" }];
    const web = await WebSite.start({ web: { users } });
    endings.push(() => web.stop());
    const { page } = await openPage(`${web.url}/?show=available`);
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByLabel("Name").fill("ana");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("Name or password is wrong.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByLabel("Password").fill("correct horse");
    await page.keyboard.press("Enter");
    await page.getByText("RIVERBEND / NORTH GARAGE 01").first().waitFor();
    expect(new URL(page.url()).search).toBe("?show=available");
    await page.getByRole("button", { name: "Menu of ana" }).click();
    await page.getByRole("menuitem", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    expect(await page.getByText("RIVERBEND").count()).toBe(0);
  });
});
