import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityFaults, chromiumInstalled, looks, openPage } from "../helpers/browser.ts";
import { WebSite } from "../helpers/web.ts";

const SOON = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

describe.skipIf(!chromiumInstalled)("control and alarms in Chromium", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({
      stations: 4,
      guestRole: "operate",
      device: { interval: 2 },
      bridge: { limits: { roof: { devices: ["site/s4"], max_kw: 20 } } },
    });
    await web.scraped();
  });
  afterAll(async () => {
    await web?.stop();
  });

  const limit = (station: number, port: number, kw: number) =>
    web.post(`/devices/site%2Fs${station}/points/allowedLoad_${port}/set`, {
      value: kw,
      durationMinutes: 60,
    });
  const row = (page: Page, text: string) => page.getByRole("row").filter({ hasText: text });

  test("limits in force appear live, and are released one by one and together", async () => {
    const { page, troubles } = await openPage(`${web.url}/control`);
    await page.getByText("This bridge holds no limit at present.").waitFor();
    for (const [station, port] of [
      [1, 1],
      [1, 2],
      [2, 1],
    ] as const)
      expect((await limit(station, port, 3)).status).toBe(200);
    await page.getByRole("tab", { name: "Limits in force (3)" }).waitFor();
    await expect
      .poll(() => row(page, "RIVERBEND / NORTH GARAGE 02").innerText())
      .toMatch(/1\s+3 kW\s+.*in force\s+local\s+.*\s+(1 h|60 min)\s+Release/);
    await page
      .getByRole("button", { name: "Release the limit of RIVERBEND / NORTH GARAGE 02, port 1" })
      .click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.innerText()).toMatch(
      /Port 1 of RIVERBEND \/ NORTH GARAGE 02 is no longer limited to 3 kW/,
    );
    await dialog.getByRole("button", { name: "Release the limit" }).click();
    await dialog.getByText("confirmed").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("tab", { name: "Limits in force (2)" }).waitFor();
    await page.getByRole("button", { name: "Choose all 2" }).click();
    await page.getByRole("button", { name: "Release 2 chosen…" }).click();
    expect(await accessibilityFaults(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Release 2 limits" }).click();
    await expect.poll(() => dialog.getByText("confirmed").count()).toBe(2);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByText("This bridge holds no limit at present.").waitFor();
    expect((await web.get("/holds")).body.held).toEqual([]);
    expect(troubles).toEqual([]);
  });

  test("an override is set and cleared; what it refuses is in the log and among the alarms", async () => {
    const { page, troubles } = await openPage(`${web.url}/control?tab=overrides`);
    await page.getByText("No override is active.").waitFor();
    await page.getByRole("button", { name: "Set an override…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Pattern of paths").fill("site/s1");
    await dialog.getByRole("button", { name: "15 min" }).click();
    expect(await dialog.innerText()).toContain("limits that this bridge holds there are cleared");
    await dialog.getByLabel("Failsafe revert").uncheck();
    expect(await dialog.innerText()).toContain("limits in force there go on until their ends");
    await dialog.getByRole("button", { name: "Set the override" }).click();
    await expect.poll(() => row(page, "site/s1").innerText()).toMatch(/1 station\s+15 min\s+Clear/);
    expect((await limit(1, 1, 2)).status).toBe(409);
    await page.getByRole("tab", { name: "Log of commands" }).click();
    await expect
      .poll(() => row(page, "site/s1/allowedLoad_1").filter({ hasText: "refused" }).count())
      .toBe(1);
    await page.getByLabel("Status").selectOption("confirmed");
    await expect.poll(() => row(page, "refused").count()).toBe(0);
    expect(new URL(page.url()).searchParams.get("status")).toBe("confirmed");
    const csv = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
    expect(csv).toMatch(/^\/api\/v1\/audit\/download\?.*status=confirmed/);
    await page.goto(`${web.url}/alarms?tab=refused`);
    await row(page, "site/s1/allowedLoad_1").getByRole("button").click();
    expect(await dialog.innerText()).toMatch(/refused[\s\S]*override/i);
    await page.goto(`${web.url}/control?tab=overrides`);
    await page.getByRole("button", { name: "Clear the override site/s1" }).click();
    await dialog.getByRole("button", { name: "Clear the override" }).click();
    await page.getByText("No override is active.").waitFor();
    expect(troubles).toEqual([]);
  });

  test("a site limit is changed; a refusal is shown where it was asked for", async () => {
    const { page, troubles } = await openPage(`${web.url}/control?tab=site`);
    const group = page.getByRole("region", { name: "Site limit roof" });
    await expect.poll(() => group.innerText()).toMatch(/limit\s+20\.0 kW/);
    await group.getByRole("button", { name: "Change the limit of roof" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Limit of all ports together, kW").fill("6");
    expect(await dialog.innerText()).toContain("will together draw at most 6.0 kW");
    await page.route("**/api/v1/limits/roof", (route) => route.abort());
    await dialog.getByRole("button", { name: "Set the limit" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.getByRole("alert").innerText()).toContain("not known whether the bridge received");
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.unroute("**/api/v1/limits/roof");
    await dialog.getByRole("button", { name: "Set the limit" }).click();
    await expect.poll(() => group.innerText()).toMatch(/limit\s+6\.0 kW/);
    await group.getByRole("button", { name: "Change the limit of roof" }).click();
    await dialog.getByLabel("No limit").check();
    await dialog.getByRole("button", { name: "Take the limit away" }).click();
    await expect.poll(() => group.innerText()).toMatch(/limit\s+none/);
    expect((await web.get("/limits/roof")).body.maxKw).toBeNull();
    // The aborted request.
    expect(troubles.filter((text) => !text.includes("ERR_FAILED"))).toEqual([]);
  });

  test("stations are reserved, and a planned event is made and removed", async () => {
    await web.post("/reservations", {
      taskId: "ems",
      priority: "LOW",
      slots: [["site/s3", SOON(0), SOON(600)]],
    });
    const { page, troubles } = await openPage(`${web.url}/control?tab=reservations`);
    await expect.poll(() => row(page, "ems").innerText()).toMatch(/local\s+LOW\s+.*(running|waiting)/);
    await page.getByRole("button", { name: "Reserve stations…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name of the task").fill("evening");
    await dialog.getByLabel(/GARAGE 03/).check();
    await dialog.getByRole("button", { name: "Reserve" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.getByRole("alert").innerText()).toContain("GARAGE 03 by local (task ems)");
    await dialog.getByLabel(/GARAGE 03/).uncheck();
    await dialog.getByLabel(/GARAGE 02/).check();
    await dialog.getByRole("button", { name: "Reserve" }).click();
    await row(page, "evening").waitFor();
    for (const task of ["evening", "ems"]) {
      await page.getByRole("button", { name: `Cancel the reservation ${task}` }).click();
      await dialog.getByRole("button", { name: "Cancel the reservation" }).click();
      await row(page, task).waitFor({ state: "detached" });
    }
    await page.getByRole("tab", { name: /Planned events/ }).click();
    await page.getByRole("button", { name: "Plan an event…" }).click();
    await dialog.getByLabel(/GARAGE 02/).check();
    await dialog.getByRole("button", { name: "Plan the event" }).click();
    await expect.poll(() => row(page, "GARAGE 02").innerText()).toContain("3 kW a port");
    await page.getByRole("button", { name: /^Remove the event of/ }).click();
    await dialog.getByRole("button", { name: "Remove the event" }).click();
    await page.getByText("No load shed event is planned from here.").waitFor();
    expect(troubles.filter((text) => !text.includes("409"))).toEqual([]);
  });

  test("a notice appears live, and is found by severity, kind and station", async () => {
    const { page, troubles } = await openPage(`${web.url}/alarms?tab=notices`);
    await page.getByRole("tab", { name: /Notices/ }).waitFor();
    const text = "the limit is not in force any more <script>";
    web.bridge.bus.emit("notice", {
      ...{ severity: "warning", kind: "hold_gone", text, device: "site/s2", at: new Date() },
    });
    await expect
      .poll(() => row(page, "hold_gone").innerText())
      .toMatch(/warning[\s\S]*GARAGE 02[\s\S]*<script>/);
    await page.getByRole("button", { name: /^error/ }).click();
    await expect.poll(() => row(page, "hold_gone").count()).toBe(0);
    await page.getByRole("button", { name: /^all/ }).click();
    await page.getByLabel("Kind").selectOption("hold_gone");
    await page.getByLabel("Filter notices").fill("garage 02");
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    await page.getByRole("button", { name: "hold_gone" }).click();
    expect(await page.getByRole("dialog").innerText()).toContain("docs/mqtt.md");
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(troubles).toEqual([]);
  });

  test.each(looks("light"))("axe-core finds nothing, also where everything failed: %s", async (_, look) => {
    await limit(1, 1, 3);
    await web.post("/overrides", { pattern: "site/s2" });
    const { page } = await openPage(`${web.url}/control`, look);
    for (const tab of ["Limits", "Site", "Log", "Overrides"]) {
      await page.getByRole("tab", { name: new RegExp(`^${tab}`) }).click();
      await page.getByRole("row").nth(1).waitFor();
      expect(await accessibilityFaults(page), tab).toEqual([]);
    }
    await page.getByRole("button", { name: "Set an override…" }).click();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.route(/\/api\/v1\/alarms/, (route) => route.fulfill({ status: 502, body: "" }));
    await page.goto(`${web.url}/alarms`);
    await page.getByRole("alert").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await web.call("DELETE", "/overrides?all=true");
  });

  test("a reader without the role sees everything and no button", async () => {
    const { page } = await openPage(`${web.url}/nowhere`);
    const { body } = await web.get("/bridge");
    const bridge = { ...body, readOnly: true };
    await page.route("**/api/v1/bridge", (route) => route.fulfill({ json: bridge }));
    await page.goto(`${web.url}/control`);
    await page.getByText("This bridge is read-only").waitFor();
    await row(page, "GARAGE 01").waitFor();
    expect(await page.getByRole("button", { name: /Release/ }).count()).toBe(0);
  });
});
