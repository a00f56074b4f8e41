import { once } from "node:events";
import { cpSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EtcdStore } from "../../../src/cluster/etcd/store.ts";
import { ClusterMember } from "../../../src/cluster/member.ts";
import type { EstateStatus } from "../../../src/cluster/status.ts";
import { createLog } from "../../../src/log/log.ts";
import { Outages } from "../../../src/log/outages.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { Etcd, etcdInstalled } from "../../helpers/etcd.ts";
import { eventually } from "../../helpers/eventually.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const REGISTRY = fileURLToPath(new URL("../../../registry", import.meta.url));
const USERS = ["north-key", "south-key", "west-key"];

describe.runIf(etcdInstalled())("voltbridge cluster", () => {
  let etcd: Etcd;
  const place = new Workplace();
  beforeAll(async () => {
    etcd = await Etcd.run();
    cpSync(REGISTRY, place.at("registry"), { recursive: true });
    for (const username of USERS)
      place.write(`devices/${username}/station-1.json`, {
        driver_config: { region: "NA", username, password: "x", stationID: "1:1" },
        driver_type: "chargepoint",
        registry_config: "config://chargepoint.csv",
      });
  });
  afterAll(async () => {
    await etcd.dispose();
    place.remove();
  });

  /** Writes the bridge config of an estate, and returns the commands about it. */
  function estateOf(instance: string) {
    const connection = { endpoints: etcd.endpoints };
    const config = place.write(`${instance}.json`, {
      ...{ instance, devices: "devices", registries: "registry", data: "data" },
      cluster: { backend: "etcd", connection },
      mqtt: { url: "mqtt://broker.example.org" },
      historian: { backend: "none" },
    });
    const args = (words: readonly string[]) => ["cluster", ...words, "--config", config];
    return {
      run: (...words: string[]) => cli(args(words)),
      start: (...words: string[]) => new RunningCli(args(words)),
      async status(): Promise<EstateStatus> {
        return JSON.parse((await cli(args(["status", "--json"]))).stdout) as EstateStatus;
      },
      store: () => new EtcdStore({ endpoints: etcd.endpoints, timeout: 2 }, instance),
    };
  }
  type Commands = ReturnType<typeof estateOf>;

  /** Starts members whose shards do nothing, and waits until each shard has an owner. */
  async function withMembers(commands: Commands, ids: readonly string[]): Promise<void> {
    const { shards } = await commands.status();
    const log = createLog({ level: "silent" });
    for (const id of ids) {
      const store = commands.store();
      let estate: string | undefined;
      const member = new ClusterMember(
        {
          ...{ store, ttlSeconds: 6, log, clock: systemClock },
          record: {
            ...{ id, run: id, host: `${id}.example.org`, version: "1.0.0", weight: 1 },
            startedAt: new Date().toISOString(),
          },
          shards: () => shards.map(({ name, stations }) => ({ name, stations: stations ?? 1 })),
          open: async () => ({ close: async () => undefined }),
          applyFiles: async () => undefined,
          onView: () => undefined,
          memory: {
            get: () => estate,
            set: (known) => {
              estate = known;
            },
          },
          notify: () => undefined,
          outages: new Outages({ log, clock: systemClock }),
        },
        "r1",
      );
      member.start();
      onTestFinished(async () => {
        await member.stop();
        await store.close();
      });
    }
    await eventually(async () => {
      const { members, problems } = await commands.status();
      expect(members.map(({ id }) => id)).toEqual(ids);
      expect(problems).toEqual([]);
    });
  }

  const owners = async (commands: Commands) =>
    Object.fromEntries((await commands.status()).shards.map(({ name, owner }) => [name, owner]));

  test("status says that nobody is there, and exits with 1", async () => {
    const { code, stdout } = await estateOf("empty").run("status");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^empty: 0 members, 3 shards, 3 stations, revision none\n/);
    expect(stdout).toContain("error: no member is in the estate");
  });

  test("status shows members, shards and the revision", async () => {
    const commands = estateOf("shown");
    await withMembers(commands, ["one", "two"]);
    const { code, stdout } = await commands.run("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shown: 2 members, 3 shards, 3 stations, revision r1\n/);
    expect(stdout).toMatch(/^one {5}one\.example\.org +1\.0\.0 .* active$/m);
    expect(stdout).toMatch(/^no-at-NA-\w{6} +1 +(one|two) +\d+$/m);
    expect(stdout).toMatch(/\nno problems\n$/);
  });

  test("move pins a shard, prints each step, and ends when the member has it; --clear unpins it", async () => {
    const commands = estateOf("moved");
    await withMembers(commands, ["one", "two"]);
    const [shard, owner] = Object.entries(await owners(commands))[0]!;
    const other = owner === "one" ? "two" : "one";
    const moved = await commands.run("move", "north-key/station-1", other);
    expect(moved).toMatchObject({ code: 0, stderr: "" });
    const steps = moved.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^ *\d+\.\d\d s {2}/, ""));
    expect(steps[0]).toBe(`${shard} is pinned to ${other}`);
    // To keep the shares even, another may come back for it.
    expect(steps.filter((step) => step.includes(shard)).slice(1)).toEqual([
      expect.stringMatching(new RegExp(`^${owner} released ${shard} \\(epoch \\d+\\)$`)),
      expect.stringMatching(
        new RegExp(`^${other} claimed ${shard} \\(epoch \\d+, (less than )?\\d+ ms without an owner\\)$`),
      ),
    ]);
    expect(steps.at(-1)).toBe("done");
    expect((await commands.status()).shards[0]).toMatchObject({ owner: other, pinned: other });
    // By its user name, and by the name of the shard.
    expect((await commands.run("move", "north-key", other)).stdout).toMatch(/done: nothing has to move\n$/);
    expect(await commands.run("move", shard, "--clear")).toMatchObject({ code: 0 });
    expect((await commands.status()).shards[0]).toMatchObject({ owner, pinned: null });
    expect((await commands.run("move", shard, "--clear")).stdout).toBe(`${shard} is not pinned\n`);
  });

  test("drain empties a member, and --clear lets it take shards again", async () => {
    const commands = estateOf("drained");
    await withMembers(commands, ["one", "two"]);
    const before = await owners(commands);
    const drained = await commands.run("drain", "one");
    expect(drained.code).toBe(0);
    expect(drained.stdout).toMatch(/0\.\d\d s {2}one is draining\n/);
    expect(new Set(Object.values(await owners(commands)))).toEqual(new Set(["two"]));
    expect((await commands.status()).members[0]).toMatchObject({ draining: true, shards: [] });
    const last = await commands.run("drain", "two");
    expect(last).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no other member takes the 3 shards of two"),
    });
    expect(await commands.run("move", "west-key", "one")).toMatchObject({
      code: 1,
      stderr: 'voltbridge: one is draining; end that with "voltbridge cluster drain one --clear"\n',
    });
    expect(await commands.run("drain", "one", "--clear")).toMatchObject({ code: 0 });
    expect(await owners(commands)).toEqual(before);
  });

  test("what is not done within the time ends with 1, and stays wanted", async () => {
    const commands = estateOf("late");
    const store = commands.store();
    onTestFinished(() => store.close());
    // A member that never does anything.
    const record = { id: "idle", run: "1", host: "idle", version: "1.0.0", startedAt: "", weight: 1 };
    await store.join({ ...record, revision: "r1", files: "r1" }, 20_000);
    await store.set("revision", "r1");
    const { code, stderr } = await commands.run("move", "west-key", "idle", "--timeout", "0.2");
    expect(code).toBe(1);
    expect(stderr).toMatch(/not done within 0\.2 s: we-at-NA-\w+ is not with idle, .*\. It is still wanted/);
    expect((await store.view()).settings.get(`move/${(await commands.status()).shards[2]!.name}`)).toBe(
      "idle",
    );
  });

  test("confirm answers for the loss of the service's data", async () => {
    const commands = estateOf("lost");
    expect(await commands.run("confirm")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no estate yet"),
    });
    const store = commands.store();
    onTestFinished(() => store.close());
    await store.set("id", "new");
    const record = { id: "one", run: "1", host: "one", version: "1.0.0", startedAt: "", weight: 1 };
    await store.join({ ...record, revision: "r1", files: "r1", estate: "old" }, 20_000);
    expect((await commands.run("status")).stdout).toContain("one remembers another estate");
    expect((await commands.run("confirm")).stdout).toBe(
      "confirmed the estate new; its members write to stations again\n",
    );
    expect((await store.view()).settings.get("confirmed")).toBe("new");
    expect((await commands.run("confirm")).stdout).toBe("the estate new is confirmed already\n");
    expect((await commands.run("status")).stdout).not.toContain("another estate");
  });

  test("status --watch prints again when something has changed", async () => {
    const commands = estateOf("watched");
    const watching = commands.start("status", "--watch", "--json");
    await watching.printed(/"members":\[\]/);
    const store = commands.store();
    onTestFinished(() => store.close());
    await store.set("drain/one", "yes");
    await watching.printed(/"drain\/one":"yes"/);
    const { code, stdout } = await watching.stop();
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  test.each([
    [["move", "north-kye", "one"], 'unknown account "north-kye"; did you mean "no-at-NA-'],
    [["move", "north-key", "won"], 'unknown member "won"'],
    [["move", "north-key"], "name the member that is to have it, or --clear"],
    [["move", "north-key", "one", "--clear"], "name a member, or --clear"],
    [["drain", "nobody"], 'unknown member "nobody"; there is none'],
  ])("%s is wrong usage", async (words, message) => {
    const { code, stderr } = await estateOf("usage").run(...words);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test("a service that refuses the request is named with its reason", async () => {
    // As etcd answers a user without the permission.
    const refusing = createServer((_, response) => {
      response.writeHead(403).end('{"error":"etcdserver: permission denied","code":7}');
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void refusing.close());
    await once(refusing, "listening");
    const config = place.write("refused.json", {
      ...{ devices: "devices", registries: "registry" },
      cluster: {
        backend: "etcd",
        connection: { endpoints: [`http://127.0.0.1:${(refusing.address() as AddressInfo).port}`] },
      },
    });
    const { code, stderr } = await cli(["cluster", "status", "--config", config]);
    expect(stderr).toContain("the cluster service refused the request: etcdserver: permission denied");
    expect(code).toBe(1);
  });

  test("a config without a cluster ends with 78, and a service that does not answer with 1", async () => {
    const config = place.write("alone.json", { devices: "devices", registries: "registry" });
    const alone = await cli(["cluster", "status", "--config", config]);
    expect(alone).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("has no cluster: set cluster.backend"),
    });
    const away = place.write("away.json", {
      ...{ devices: "devices", registries: "registry" },
      cluster: { backend: "etcd", connection: { endpoints: ["http://127.0.0.1:1"] } },
    });
    const { code, stderr } = await cli(["cluster", "status", "--config", away]);
    expect(stderr).toContain("the cluster service does not answer, or has no quorum");
    expect(code).toBe(1);
  });
});
