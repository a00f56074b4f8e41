import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { accessibilityFaults, chromiumInstalled, looks, openPage, PHONE } from "../helpers/browser.ts";
import { WebSite } from "../helpers/web.ts";

const S1 = "/stations/site/s1";

describe.skipIf(!chromiumInstalled)("the Station view in Chromium", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({
      guestRole: "operate",
      device: { interval: 2 },
      bridge: { actuator: { accepted_after: 0.3, confirm_timeout: 20 } },
    });
    await web.scraped();
  });
  afterAll(async () => {
    await web?.stop();
  });
  beforeEach(() => {
    web.simulator.trouble.writesShowLateSeconds = 0;
  });

  const port = (page: Page, name: string) => page.getByRole("listitem", { name });

  test("sets a limit: sent, accepted, confirmed as it comes; and clears it", async () => {
    web.simulator.trouble.writesShowLateSeconds = 2;
    const { page, troubles } = await openPage(web.url + S1);
    await port(page, "Port 1").getByText("No limit").waitFor();
    await page.keyboard.press("l");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Limit in kW", { exact: true }).fill("3");
    await dialog.getByRole("button", { name: "15 min" }).click();
    expect(await dialog.innerText()).toMatch(
      /Port 1 of\s+RIVERBEND \/ NORTH GARAGE 01\s+will draw at most 3.0 kW for 15 min, until \d\d:\d\d; nothing charges there now\./,
    );
    await dialog.getByRole("button", { name: "Set 3.0 kW" }).click();
    await dialog.getByText("accepted").waitFor();
    expect(await dialog.innerText()).toContain("The station does not show it yet.");
    await dialog.getByText("reads 3 kW").waitFor();
    expect((await dialog.getByRole("listitem").allInnerTexts()).join()).toMatch(
      /to the bridge.*sent.*accepted.*confirmed/s,
    );
    await dialog.getByRole("button", { name: "Close" }).last().click();
    const tile = port(page, "Port 1");
    await tile.getByText("Limit 3.0 kW").waitFor();
    expect(await tile.innerText()).toMatch(/1[45] min left, set by local/);

    web.simulator.trouble.writesShowLateSeconds = 0;
    await tile.getByRole("button", { name: "Clear limit of port 1" }).click();
    expect(await dialog.innerText()).toMatch(/RIVERBEND \/ NORTH GARAGE 01\s+may draw/);
    await dialog.getByRole("button", { name: "Clear the limit" }).click();
    await dialog.getByText("confirmed").waitFor();
    await page.keyboard.press("Escape");
    await tile.getByText("No limit").waitFor();
    const log = page.getByRole("table", { name: "Log of writes" }).getByRole("row");
    await page.getByRole("link", { name: "Writes" }).click();
    await expect.poll(() => page.evaluate("scrollY")).toBeGreaterThan(0);
    await expect.poll(async () => (await log.allInnerTexts()).slice(1, 3).join()).toMatch(/revert.*3\s/s);
    expect(troubles).toEqual([]);
  });

  test("plots load and limit over a range, with a table beside it, CSV, and further points", async () => {
    await web.post("/devices/site%2Fs1/points/allowedLoad_2/set", { value: 5, durationMinutes: 30 });
    const { page, troubles } = await openPage(`${web.url + S1}?range=1h`);
    const plot = page.getByRole("img", { name: /^Load and limit/ });
    await expect
      .poll(() => plot.getAttribute("aria-label"), { timeout: 20_000 })
      .toMatch(/Port 1 load: 0 to 0 kW, last 0 kW.*Port 2 limit: \d to 5 kW, last 5 kW/);
    await plot.locator("canvas").waitFor();
    const { x, y, width, height } = (await plot.boundingBox())!;
    await page.mouse.move(x + width * 0.5, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.75, y + height / 2, { steps: 3 });
    await page.mouse.up();
    await page.waitForURL(/from=.*to=/);
    // Back is where the reader was: a range that moves with the time. A click while the plot is drawn again is lost.
    await expect
      .poll(async () => {
        await plot.dblclick();
        return page.url();
      })
      .toMatch(/range=1h$/);
    await page.getByRole("button", { name: "Points…" }).click();
    await page.getByRole("dialog").getByLabel("Filter points").fill("stationLoad");
    await page.getByRole("checkbox", { name: "stationLoad" }).check();
    await page.getByRole("button", { name: "Done" }).click();
    await expect.poll(() => plot.getAttribute("aria-label")).toContain("stationLoad: 0 to 0 kW");
    const csv = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
    expect(await (await fetch(web.url + csv!)).text()).toMatch(/site\/s1\/allowedLoad_2.*5/);
    await page.getByRole("button", { name: "Table" }).click();
    await page.getByRole("columnheader", { name: "stationLoad, kW" }).waitFor();
    await web.post("/devices/site%2Fs1/points/allowedLoad_2/revert", {});
    expect(troubles).toEqual([]);
  });

  test("an outcome that is known after the dialog was closed is said beside the page", async () => {
    web.simulator.trouble.writesShowLateSeconds = 2;
    const { page } = await openPage(web.url + S1);
    await page.getByRole("button", { name: "Set limit of port 2" }).click();
    await page.getByLabel("Limit in kW", { exact: true }).fill("4");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByText("accepted").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("site/s1/allowedLoad_2: confirmed, reads 4 kW").waitFor();
    await web.post("/devices/site%2Fs1/points/allowedLoad_2/revert", {});
  });

  test("charging is stopped only by a button that is held", async () => {
    const { page } = await openPage(web.url + S1, {
      viewport: PHONE,
      own: { hasTouch: true },
    });
    await page.getByRole("button", { name: "Set limit of port 1" }).tap();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Limit in kW", { exact: true }).fill("0");
    expect(await dialog.innerText()).toContain("will stop charging");
    const button = dialog.getByRole("button", { name: "Set 0.0 kW" });
    const { x, y, width, height } = (await button.boundingBox())!;
    expect(height).toBeGreaterThanOrEqual(44);
    // A single press of a program, as screen readers send it.
    await button.dispatchEvent("click");
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.up();
    expect(await button.isVisible()).toBe(true);
    await page.mouse.down();
    await dialog.getByText("confirmed").waitFor();
    await page.mouse.up();
    await web.post("/devices/site%2Fs1/points/allowedLoad_1/revert", {});
  });

  test("says why a set was refused: a value out of range, a reservation of somebody else, an override", async () => {
    const { page } = await openPage(web.url + S1);
    await page.getByRole("button", { name: "Set limit of the whole station" }).click();
    const dialog = page.getByRole("dialog");
    const field = dialog.getByLabel("Limit in kW", { exact: true });
    await field.fill("-1");
    expect(await dialog.innerText()).toContain("Give a number of kW from 0.");
    expect(await dialog.getByRole("button", { name: "Set", exact: true }).isDisabled()).toBe(true);
    await field.fill("99999");
    await dialog.getByRole("button", { name: "Set 100.00 MW" }).click();
    await dialog.getByText("refused").waitFor();
    expect(await dialog.innerText()).toMatch(/Nothing was sent\. The station is as it was\./);
    await dialog.getByRole("button", { name: "Change and try again" }).click();
    await field.fill("5");

    const control = web.bridge.devices.control;
    const asked = { sentAt: new Date(), requester: "ems" };
    const slots = [
      ["site/s1", new Date(Date.now() - 1000).toISOString(), new Date(Date.now() + 600_000).toISOString()],
    ];
    expect(
      control.scheduling.requestNewSchedule({ taskId: "peak", priority: "HIGH", slots }, asked),
    ).toMatchObject({
      result: "SUCCESS",
    });
    await page.keyboard.press("Enter");
    await dialog.getByText("reserved by ems").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Reserved by ems").waitFor();
    control.scheduling.requestCancelSchedule("peak", asked);

    const command = { ...asked, id: "o1", via: "mqtt" };
    control.overriding.setOverrideOn("site/s1", { failsafeRevert: false }, command);
    await page.getByText("Under an override the station takes neither").waitFor();
    expect(await page.getByRole("button", { name: "Set limit of port 1" }).isDisabled()).toBe(true);
    control.overriding.clearOverrides(command);
    await expect
      .poll(() => page.getByRole("button", { name: "Set limit of port 1" }).isDisabled())
      .toBe(false);
  });

  test("sets any writable point, reads one now, pauses and resumes", async () => {
    const { page, troubles } = await openPage(web.url + S1);
    await page.getByLabel("Filter points").fill("percentShed_2");
    await page.getByRole("button", { name: "Set percentShed_2" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Set…" }).click();
    await dialog.getByLabel("Value in %", { exact: true }).fill("101");
    expect(await dialog.innerText()).toContain("Give a number: 0 to 100.");
    await dialog.getByLabel("Value in %", { exact: true }).fill("20");
    await page.keyboard.press("Enter");
    await dialog.getByText("reads 20 %").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Read percentShed_2 now" }).click();
    await expect
      .poll(() => page.getByRole("row").filter({ hasText: "percentShed_2" }).first().innerText())
      .toContain("20 %");

    const menu = page.getByRole("button", { name: "Commands to RIVERBEND / NORTH GARAGE 01" });
    await menu.click();
    await page.getByRole("menuitem", { name: "Revert the whole device…" }).click();
    await dialog.getByRole("button", { name: "Revert the device" }).click();
    await dialog.getByText("confirmed").waitFor();
    await page.keyboard.press("Escape");
    await menu.click();
    await page.getByRole("menuitem", { name: "Pause…" }).click();
    await dialog.getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused by local").waitFor();
    expect(await page.getByRole("button", { name: "Set limit of port 1" }).isDisabled()).toBe(true);
    await menu.click();
    await page.getByRole("menuitem", { name: "Resume…" }).click();
    await dialog.getByRole("button", { name: "Resume" }).click();
    await expect
      .poll(() => page.getByRole("button", { name: "Set limit of port 1" }).isDisabled())
      .toBe(false);
    expect(troubles).toEqual([]);
  });

  test("an unknown station is named, with the nearest one", async () => {
    const { page } = await openPage(`${web.url}/stations/site/s9`);
    await page.getByText("This bridge has no device site/s9.").waitFor();
    await page.getByRole("link", { name: "site/s1" }).click();
    await port(page, "Port 1").waitFor();
  });

  test("a name is text, whatever it holds", async () => {
    const name = `<script>alert(1)</script> ‮مرحبا 🔌 ${"x".repeat(480)}`;
    const { page, troubles } = await openPage(`${web.url}/api/v1/bridge`);
    await page.route("**/api/v1/devices/*", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), name } });
    });
    await page.goto(web.url + S1);
    await expect.poll(() => page.getByRole("heading", { level: 1 }).innerText()).toBe(name);
    await page.getByRole("button", { name: "Set limit of port 1" }).click();
    expect(await page.getByRole("dialog").innerText()).toContain(name);
    const sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(sideways)).toBeLessThanOrEqual(0);
    expect(troubles).toEqual([]);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test.each(looks("dark"))(
    "axe-core finds nothing on the view, an open dialog and the failed state: %s",
    async (_, look) => {
      const { page } = await openPage(web.url + S1, look);
      await page.getByRole("button", { name: "Set limit of port 1" }).waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.keyboard.press("l");
      await page.getByRole("dialog").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.route("**/api/v1/devices/*", (route) => route.fulfill({ status: 502, body: "bad gateway" }));
      await page.goto(web.url + S1);
      await page.getByRole("alert").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );
});
