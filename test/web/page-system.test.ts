import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  accessibilityFaults,
  chromiumInstalled,
  type Look,
  looks,
  openPage,
  type WatchedPage,
} from "../helpers/browser.ts";
import { WebSite } from "../helpers/web.ts";

describe.skipIf(!chromiumInstalled)("the state of the bridge in Chromium", () => {
  let web: WebSite;
  beforeAll(async () => {
    const users = [{ name: "ada", password: "correct horse", role: "admin" }];
    web = await WebSite.start({ stations: 3, web: { users } });
    await web.scraped();
  });
  afterAll(async () => {
    await web?.stop();
  });

  async function open(look: Look = {}): Promise<WatchedPage> {
    const watched = await openPage(`${web.url}/system`, look);
    const { page } = watched;
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel("Password").fill("correct horse");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Broker" }).waitFor();
    watched.troubles.length = 0;
    return watched;
  }

  test("says at one glance that everything works, with the books and the calls", async () => {
    const { page, troubles } = await open();
    await page.getByText("Everything works.").waitFor();
    const broker = page.getByRole("region", { name: "Broker" });
    expect(await broker.innerText()).toMatch(/mqtt:\/\/127\.0\.0\.1:\d+[\s\S]*connected since/);
    expect(await page.getByText("every value is accounted for").count()).toBe(2);
    await page.getByRole("region", { name: "Accounts" }).getByRole("button").first().click();
    await page.getByRole("dialog").getByRole("rowheader", { name: "getStationStatus" }).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(troubles).toEqual([]);
  });

  test.each(looks("light"))(
    "says what needs a person, and how to mend it; axe-core finds nothing: %s",
    async (_, look) => {
      const { page } = await open(look);
      await page.getByRole("region", { name: "Accounts" }).getByRole("row").nth(1).waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      const health = await page.evaluate("fetch('/api/v1/health').then((answer) => answer.json())");
      const failing = { since: new Date().toISOString(), error: "disk full" };
      const ill = {
        ...(health as object),
        devices: { online: 1, stale: 0, offline: 2 },
        historian: { ...(health as { historian: object }).historian, failing, waiting: 5 },
        selfTest: { at: failing.since, set: "nobody may write to devices/actuators/set/#" },
        config: {
          ...(health as { config: object }).config,
          ...{ state: "config_error", problemCount: 1, problems: ["a.csv:3:1: error: no such register"] },
          afterRestart: ["mqtt"],
        },
      };
      await page.route("**/api/v1/health", (route) => route.fulfill({ json: ill }));
      await page.route("**/readyz", (route) =>
        route.fulfill({ json: { checks: { broker: true, store: false, scrapes: true } } }),
      );
      await page.reload();
      const verdict = page.getByRole("list", { name: "What needs a person" });
      await expect
        .poll(() => verdict.innerText())
        .toMatch(
          /The store takes no values.*disk full[\s\S]*2 devices are offline[\s\S]*nobody may write[\s\S]*after a restart: mqtt/,
        );
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.route("**/api/v1/health", (route) => route.fulfill({ status: 500, body: "" }));
      await page.reload();
      await page.getByRole("alert").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
    },
  );

  test("previews a reload, and carries it out; what is wrong in a file is named with its place", async () => {
    const { page, troubles } = await open();
    const file = `${web.site.devices}/s3.json`;
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace('"interval":', '"intervall":'));
    await page.getByRole("button", { name: "Reload…" }).click();
    const dialog = page.getByRole("dialog");
    await expect.poll(() => dialog.innerText()).toMatch(/s3\.json:\d+:\d+[\s\S]*intervall/);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    // Changes of files take effect by themselves; this one waits for a confirmation.
    for (const name of ["s2", "s3"]) rmSync(`${web.site.devices}/${name}.json`);
    await page.getByRole("button", { name: "Reload…" }).click();
    await expect
      .poll(() => dialog.innerText())
      .toMatch(/More than half[\s\S]*removed site\/s2[\s\S]*removed site\/s3/);
    expect(web.bridge.devices.infos).toHaveLength(3);
    await dialog.getByRole("button", { name: "Remove 2 devices and reload" }).click({ delay: 1200 });
    await page.getByText("Reloaded: devices: 2 removed.").waitFor();
    expect(web.bridge.devices.infos).toHaveLength(1);
    expect(troubles).toEqual([]);
  });
});
