import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EstateStatus } from "../../src/cluster/status.ts";
import {
  accessibilityFaults,
  chromiumInstalled,
  type Look,
  looks,
  openPage,
  PHONE,
} from "../helpers/browser.ts";
import { Etcd, etcdInstalled } from "../helpers/etcd.ts";
import { eventually } from "../helpers/eventually.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { WebSite } from "../helpers/web.ts";

describe.runIf(etcdInstalled() && mosquittoInstalled)("the estate over HTTP", () => {
  let etcd: Etcd;
  let broker: Mosquitto;
  let web: WebSite;
  beforeAll(async () => {
    [etcd, broker] = await Promise.all([Etcd.run(), Mosquitto.run()]);
    web = await WebSite.start({
      stations: 2,
      bridge: {
        cluster: { backend: "etcd", member: "one", connection: { endpoints: etcd.endpoints } },
        mqtt: { url: broker.url },
        historian: { backend: "none" },
      },
    });
    await eventually(async () => {
      const { body } = await web.get("/cluster");
      expect(body.shards[0]?.owner).toBe("one");
    });
  });
  afterAll(async () => {
    await web?.stop();
    await Promise.all([broker?.dispose(), etcd?.dispose()]);
  });

  test("members with their shards, epochs, the revision, and no problems", async () => {
    const { status, body } = await web.get("/cluster");
    expect(status).toBe(200);
    const [shard] = body.shards;
    expect(body).toMatchObject({
      ...{ member: "one", estate: expect.stringMatching(/^[0-9a-f-]{36}$/), problems: [] },
      revision: expect.stringMatching(/^[0-9a-f]{12}$/),
      members: [{ id: "one", version: "1.2.3", state: "active", draining: false, shards: [shard.name] }],
      shards: [{ owner: "one", epoch: expect.stringMatching(/^\d+$/), stations: 2, pinned: null }],
    });
    expect(body.members[0].url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect((await web.get("/bridge")).body.has.cluster).toBe(true);
  });

  describe.skipIf(!chromiumInstalled)("in Chromium", () => {
    async function open(look: Look = {}, estate?: object) {
      const watched = await openPage(`${web.url}/`, look);
      const { page } = watched;
      if (estate) await page.route("**/api/v1/cluster", (route) => route.fulfill({ json: estate }));
      await page.goto(`${web.url}/system#estate`);
      const part = page.getByRole("region", { name: "Estate" });
      await part.getByRole("table", { name: "Shards of the estate" }).waitFor();
      return { ...watched, part };
    }

    test("this member is marked, and the shard has its owner", async () => {
      const { part, troubles } = await open();
      expect(await part.innerText()).toMatch(/one \(this one\)[\s\S]*active[\s\S]*Shards/);
      expect(await part.getByRole("link").count()).toBe(0);
      expect(troubles).toEqual([]);
    });

    test.each(looks("dark"))("a large estate can be read; axe-core finds nothing: %s", async (_, look) => {
      const { page, part, troubles } = await open(look, large(100));
      const rows = part.getByRole("table", { name: "Shards of the estate" }).getByRole("row");
      expect(await part.getByRole("link", { name: "bridge-2" }).getAttribute("href")).toBe(
        "http://bridge-2:8080/",
      );
      await page.getByText("The estate: shard account-005 has no owner").waitFor();
      // Only rows in the window are drawn.
      const button = part.getByRole("button", { name: "Show all 100 shards" });
      await button.scrollIntoViewIfNeeded();
      await expect.poll(() => rows.count()).toBe(13);
      expect(await rows.nth(1).innerText()).toMatch(/account-005[\s\S]*none/);
      if (page.viewportSize()!.width === PHONE.width)
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(PHONE.width);
      await part.getByRole("searchbox", { name: "Filter shards" }).fill("account-077");
      await expect.poll(() => rows.count()).toBe(2);
      await part.getByRole("searchbox", { name: "Filter shards" }).fill("");
      await button.click();
      await expect.poll(() => rows.count()).toBeGreaterThan(20);
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(troubles).toEqual([]);
    });
  });
});

test("a bridge that is alone has no estate, and says so", async () => {
  const web = await WebSite.start({ stations: 1, bridge: { historian: { backend: "none" } } });
  try {
    expect(await web.get("/cluster")).toMatchObject({
      status: 404,
      body: {
        type: "urn:voltbridge:problem:no_cluster",
        detail: expect.stringContaining("this bridge is alone"),
      },
    });
    expect((await web.get("/bridge")).body.has.cluster).toBe(false);
  } finally {
    await web.stop();
  }
});

/** An estate of three members on hosts with long names, one shard without an owner. */
function large(shards: number): Omit<EstateStatus, "settings"> & { readonly member: string } {
  const names = Array.from({ length: shards }, (_, i) => `account-${String(i).padStart(3, "0")}`);
  const ids = ["bridge-1", "bridge-2", "bridge-3"];
  return {
    ...{ member: "bridge-1", estate: "6dbaf8c8-a5b3-4ee2-8a1a-5b2a5d3d2f10", revision: "0f3a9be1c2d4" },
    members: ids.map((id, i) => ({
      ...{ id, host: `${id}.charging.operations.a-rather-long-name.example.org`, version: "1.0.0" },
      ...{ startedAt: "2026-12-01T00:00:00.000Z", weight: 1, draining: i === 2, revision: "0f3a9be1c2d4" },
      files: i === 0 ? "77aa9be1c2d4" : "0f3a9be1c2d4",
      state: i === 0 ? ("pending" as const) : ("active" as const),
      url: `http://${id}:8080/`,
      shards: names.filter((_, shard) => shard % 3 === i && shard !== 5),
      stations: Math.ceil(shards / 3) * 1000,
    })),
    shards: names.map((name, i) => ({
      name: `${name}-webservices.chargepoint.com-${i}`,
      accounts: [`${"0123456789abcdef".slice(0, 8)}… at NA`, ...(i === 3 ? ["4f…, at EU"] : [])],
      ...{ stations: 1000, owner: i === 5 ? null : ids[i % 3]!, epoch: i === 5 ? null : String(4711 + i) },
      pinned: i === 0 ? "bridge-1" : null,
    })),
    problems: [
      {
        severity: "error",
        text: "shard account-005 has no owner: its 1000 stations are neither read nor written",
      },
      {
        severity: "warning",
        text: "revision 77aa9be1c2d4 is pending: bridge-1 has it, bridge-2 and bridge-3 lack it",
      },
    ],
  };
}
