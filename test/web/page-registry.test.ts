import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityFaults, chromiumInstalled, type Look, openPage, PHONE } from "../helpers/browser.ts";
import { WebSite } from "../helpers/web.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable";
const LOAD = "portLoad_1,portLoad,LoadRegister,1,float,kW,FALSE";
const NAME = "stationName,stationName,StationRegister,,string,,FALSE";
const text = (...rows: string[]) => `${[HEADER, ...rows].join("\n")}\n`;

const ANN = { name: "ann", password: "correct horse", role: "admin" };
const VIC = { name: "vic", password: "battery staple", role: "view" };

describe.skipIf(!chromiumInstalled)("the registry in Chromium", () => {
  let web: WebSite;
  const file = (name: string) => join(web.site.folder, "registry", name);
  beforeAll(async () => {
    web = await WebSite.start({
      web: { users: [ANN, VIC] },
      prepare: (site) => writeFileSync(join(site.folder, "registry", "chargepoint.csv"), text(LOAD, NAME)),
    });
    await web.scraped();
  });
  afterAll(async () => {
    await web?.stop();
  });

  const logins = new Map<string, string>();
  /** Opens a view as a user who is logged in. */
  async function open(path: string, { name, password } = ANN, look: Look = {}) {
    if (!logins.has(name)) {
      const { status, headers } = await web.post("/session", { name, password });
      expect(status).toBe(200);
      logins.set(name, /^voltbridge=([^;]+)/.exec(headers.get("set-cookie")!)![1]!);
    }
    const cookie = {
      ...{ name: "voltbridge", value: logins.get(name)!, domain: "127.0.0.1", path: "/", expires: -1 },
      ...{ httpOnly: true, secure: false, sameSite: "Strict" as const },
    };
    return openPage(web.url + path, { ...look, cookies: [cookie] });
  }
  const cell = (page: Page, row: number, column: number) =>
    page.locator(`[data-row="${row}"][data-column="${column}"]`);
  const focused = (page: Page) =>
    page.evaluate("[document.activeElement.dataset.row, document.activeElement.dataset.column].join(' ')");
  const textOf = (page: Page, row: number, column: number) =>
    cell(page, row, column).locator(".text").innerText();

  test("a fault is marked and listed, mended, tried, compared, saved; the stations have the new point", async () => {
    writeFileSync(file("chargepoint.csv"), text(LOAD, NAME));
    const { page, troubles } = await open("/registry");
    await page
      .getByRole("row")
      .filter({ hasText: "chargepoint.csv" })
      .getByText("2", { exact: true })
      .waitFor();
    await page.getByRole("link", { name: "chargepoint.csv" }).click();
    const grid = page.getByRole("grid", { name: "Cells of chargepoint.csv" });
    await grid.waitFor();
    // A new row, typed with the keyboard alone; the attribute is mistyped.
    await cell(page, 2, 0).click();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("button", { name: "Rows and columns" }).click();
    await page.getByRole("menuitem", { name: "Insert a row below" }).click();
    for (const typed of ["model", "stationMdel", "StationRegister"]) {
      await page.keyboard.type(typed);
      await page.keyboard.press("Tab");
    }
    const problems = page.getByRole("region", { name: "Problems" });
    await problems.getByText(/did you mean "stationModel"/).waitFor();
    expect(await cell(page, 3, 1).getAttribute("aria-invalid")).toBe("true");
    expect(await cell(page, 3, 1).innerText()).toContain("▲");
    expect(await accessibilityFaults(page)).toEqual([]);
    // Esc leaves the cell as it was.
    await cell(page, 1, 0).click();
    await page.keyboard.type("oops");
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowDown");
    expect(await textOf(page, 1, 0)).toBe("portLoad_1");
    await page.keyboard.press("F8");
    await expect.poll(() => focused(page)).toBe("3 1");
    // Chosen from what the register has; the empty cells beside it are filled.
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("stationM");
    await page.getByRole("option", { name: /^stationModel/ }).click();
    await problems.getByText("The bridge can use this registry as it is.").waitFor();
    expect([await textOf(page, 3, 4), await textOf(page, 3, 6)]).toEqual(["string", "FALSE"]);
    // The last column reads the station with this row.
    await cell(page, 3, 8).locator(".try").click();
    await cell(page, 3, 8).getByText("getStations").waitFor();
    expect(await cell(page, 1, 7).innerText()).toMatch(/kW/);
    await page.keyboard.press("Control+s");
    const dialog = page.getByRole("dialog", { name: "Save chargepoint.csv" });
    await dialog.getByText("1 new point:").waitFor();
    expect(await dialog.getByRole("region", { name: "Changed lines" }).innerText()).toContain(
      "model,stationModel,StationRegister,,string,,FALSE",
    );
    expect(await dialog.innerText()).toMatch(/2 devices change[\s\S]*site\/s1[\s\S]*points \+model/);
    expect(await accessibilityFaults(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Save and load" }).click();
    await page.getByText("The bridge loaded it.").waitFor();
    expect(web.bridge.devices.byPath.get("site/s1")!.points.has("model")).toBe(true);
    expect(readFileSync(file("chargepoint.csv"), "utf8")).toBe(
      text(LOAD, NAME, "model,stationModel,StationRegister,,string,,FALSE"),
    );
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Stations" }).click();
    await page.waitForURL(`${web.url}/`);
    expect(troubles).toEqual([]);
  });

  test("ranges are copied, pasted from a spreadsheet, filled down, undone; rows that are not edited stay as they are", async () => {
    const spaced = text(` ${LOAD.replace(",", " , ")}`, NAME).replaceAll("\n", "\r\n");
    writeFileSync(file("paste.csv"), spaced);
    const { page, troubles } = await open("/registry/paste.csv");
    await cell(page, 2, 0).click();
    await page.keyboard.press("Shift+End");
    const copied = await page.evaluate(`(() => {
      const data = new DataTransfer();
      document.activeElement.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true }));
      return data.getData("text/plain");
    })()`);
    expect(copied).toBe(NAME.replaceAll(",", "\t"));
    await cell(page, 2, 0).click();
    await page.keyboard.press("Control+ArrowDown");
    await page.evaluate(`(() => {
      const data = new DataTransfer();
      data.setData("text/plain", 'a\\tstationID\\tStationRegister\\r\\nb\\tCity\\t"Station\\nRegister"\\r\\n');
      document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    })()`);
    expect(await textOf(page, 3, 1)).toBe("City");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => cell(page, 3, 0).count()).toBe(0);
    await page.keyboard.press("Control+y");
    await cell(page, 2, 2).click();
    await cell(page, 3, 2).click({ modifiers: ["Shift"] });
    await page.keyboard.press("Control+d");
    expect(await textOf(page, 3, 2)).toBe("StationRegister");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Alt+ArrowUp");
    expect(await textOf(page, 2, 0)).toBe("b");
    await page.keyboard.press("Control+f");
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("INPUT");
    await page.keyboard.type("portload");
    await page.getByText("2 cells have it").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Show as text" }).click();
    const area = page.getByRole("textbox", { name: "Text of paste.csv" });
    expect(await area.inputValue()).toBe(
      `${HEADER}\n ${LOAD.replace(",", " , ")}\nb,City,StationRegister,,,,\na,stationID,StationRegister,,string,,FALSE\n`,
    );
    await area.fill((await area.inputValue()).replace("b,", "c,"));
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Show as cells" }).click();
    await expect.poll(() => textOf(page, 2, 0)).toBe("c");
    await page.keyboard.press("Control+s");
    await page.getByRole("button", { name: "Save and load" }).click();
    await page.getByRole("dialog", { name: "paste.csv was saved" }).waitFor();
    expect(readFileSync(file("paste.csv"), "utf8")).toContain(`\r\n ${LOAD.replace(",", " , ")}\r\nc,City`);
    expect(troubles).toEqual([]);
  });

  test("a change on disk meanwhile is shown beside the reader's, and nothing is overwritten", async () => {
    writeFileSync(file("shared.csv"), text(LOAD));
    const { page } = await open("/registry/shared.csv", ANN, { colorScheme: "dark" });
    await cell(page, 1, 5).click();
    await page.keyboard.type("W");
    await page.keyboard.press("Enter");
    const theirs = text(LOAD, NAME);
    writeFileSync(file("shared.csv"), theirs);
    await page.keyboard.press("Control+s");
    await page.getByText("was changed on disk while you edited it").waitFor();
    expect(await page.getByRole("region", { name: "What was changed on disk" }).innerText()).toMatch(
      /\+[\s\S]*stationName/,
    );
    expect(await page.getByRole("region", { name: /Your text, compared/ }).innerText()).toMatch(
      /portLoad_1,portLoad,LoadRegister,1,float,W,FALSE/,
    );
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole("button", { name: "Take the file on disk" }).click();
    await expect.poll(() => textOf(page, 2, 0)).toBe("stationName");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => textOf(page, 1, 5)).toBe("W");
    // A change after the comparison is refused by the bridge, and shown too.
    await page.keyboard.press("Control+s");
    const save = page.getByRole("button", { name: "Save and load" });
    await save.waitFor();
    writeFileSync(file("shared.csv"), text(NAME));
    await save.click();
    await page.getByText("was changed on disk while you edited it").waitFor();
    expect(readFileSync(file("shared.csv"), "utf8")).toBe(text(NAME));
    expect(readdirSync(file(".")).filter((name) => name.startsWith("shared.csv."))).toEqual([]);
    await page.getByRole("button", { name: "Back to my text" }).click();
    // Leaving asks; what was not saved stays until the reader says so.
    await page.getByRole("link", { name: "Alarms" }).click();
    const leave = page.getByRole("dialog", { name: "Leave without saving?" });
    await leave.getByRole("button", { name: "Stay" }).click();
    expect(new URL(page.url()).pathname).toBe("/registry/shared.csv");
    await page.getByRole("link", { name: "Stations" }).click();
    await leave.getByRole("button", { name: "Leave without saving" }).click();
    await page.waitForURL(`${web.url}/`);
  });

  test("a config keeps its secret while its server stays the same", async () => {
    const { page } = await open("/registry/config/devices/site/s1.json");
    const area = page.getByRole("textbox", { name: "Text of devices/site/s1.json" });
    expect(await area.inputValue()).toContain('"password": "••••••••"');
    const { endpoint, password } = web.simulator;
    await area.fill((await area.inputValue()).replace(endpoint, "http://elsewhere.example/"));
    await page
      .getByRole("region", { name: "Problems" })
      .getByText(/enter it again/)
      .waitFor();
    await area.fill(
      (await area.inputValue())
        .replace("http://elsewhere.example/", endpoint)
        .replace('"interval": 1', '"interval": 2'),
    );
    await page.getByText("The bridge can use this config as it is.").waitFor();
    await page.keyboard.press("Control+s");
    await page.getByRole("button", { name: "Save and load" }).click();
    await page.getByText("The bridge loaded it.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const saved = readFileSync(join(web.site.devices, "s1.json"), "utf8");
    expect(JSON.parse(saved)).toMatchObject({ interval: 2, driver_config: { password } });
  });

  test("20,000 rows: only those in the window are drawn", async () => {
    const rows = Array.from({ length: 19_990 }, (_, at) => LOAD.replace("portLoad_1", `load_${at}`));
    writeFileSync(file("huge.csv"), text(...rows));
    const { page } = await open("/registry/huge.csv");
    await cell(page, 1, 0).click();
    await page.keyboard.press("Control+End");
    await cell(page, 19_990, 0).getByText("load_19989").waitFor();
    expect(await page.locator(".rows > [role=row]").count()).toBeLessThan(80);
    expect(await page.getByRole("grid").getAttribute("aria-rowcount")).toBe("19991");
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.type("renamed");
    await page.keyboard.press("Enter");
    await expect.poll(() => textOf(page, 1, 0)).toBe("renamed");
  });

  test("a phone has a card for each row, and a form for one of them", async () => {
    writeFileSync(file("phone.csv"), text(LOAD.replace("float", "flaot"), NAME));
    const { page, troubles } = await open("/registry/phone.csv", ANN, { viewport: PHONE });
    await page.getByRole("button", { name: /error.*portLoad_1/ }).click();
    const form = page.getByRole("dialog", { name: "Row 2" });
    expect(await accessibilityFaults(page)).toEqual([]);
    await form.getByLabel("Type").fill("float");
    await form.getByText(/did you mean "float"/).waitFor({ state: "detached" });
    await form.getByRole("button", { name: "Done" }).click();
    await page.getByText("The bridge can use this registry as it is.").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(troubles).toEqual([]);
  });

  test("others are told who may edit, and what failed is explained", async () => {
    const { page } = await open("/registry/chargepoint.csv", VIC);
    await page.getByText("voltbridge web user NAME --role admin").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const failing = await open("/registry", ANN, { colorScheme: "dark" });
    await failing.page.getByRole("link", { name: "chargepoint.csv" }).waitFor();
    expect(await accessibilityFaults(failing.page)).toEqual([]);
    await failing.page.route("**/api/v1/registries/*", (route) => route.abort());
    await failing.page.getByRole("link", { name: "chargepoint.csv" }).click();
    await failing.page.getByRole("alert").waitFor();
    expect(await accessibilityFaults(failing.page)).toEqual([]);
  });
});
