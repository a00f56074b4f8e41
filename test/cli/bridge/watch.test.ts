import { connectAsync } from "mqtt";
import { expect, test } from "vitest";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Screen } from "../screen.ts";
import { Workplace } from "../workplace.ts";

async function client(url: string) {
  const connected = await connectAsync(url);
  endings.push(() => connected.endAsync(true));
  return connected;
}

const ALL = "devices/lab/one/all";

test.skipIf(!mosquittoInstalled)(
  "without a filter: what the bridge of the config publishes, retained first; Ctrl-C ends with 0",
  async () => {
    const { url } = await broker();
    const place = new Workplace({
      "configs/bridge.json": { instance: "desk", mqtt: { url, base_topic: "site7" } },
    });
    endings.push(() => place.remove());
    const publisher = await client(url);
    await publisher.publishAsync("site7/voltbridge/desk/state", "online", { retain: true, qos: 1 });
    const watch = new RunningCli(["watch", "--config", place.at("configs/bridge.json")]);
    await watch.printed(/^\d\d:\d\d:\d\d {2}site7\/voltbridge\/desk\/state {2}\(retained\) {2}online$/m);
    await publisher.publishAsync("elsewhere/devices/a/all", "no");
    await publisher.publishAsync("site7/devices/lab/one/all", '[{"load": 3.6}]');
    await watch.printed(/^\d\d:\d\d:\d\d {2}site7\/devices\/lab\/one\/all {2}\[\{"load": 3\.6\}\]$/m);
    const { code, stdout, stderr } = await watch.stop();
    expect(code).toBe(0);
    expect(stdout).not.toContain("elsewhere");
    expect(stderr).toMatch(/^watching site7\/devices\/#, .*site7\/voltbridge\/desk\/# at mqtt:/);
  },
);

test.skipIf(!mosquittoInstalled)("--json: one object a line; --count and --for end it", async () => {
  const { url } = await broker();
  const publisher = await client(url);
  await publisher.publishAsync("a/old", "1", { retain: true, qos: 1 });
  const watch = new RunningCli(["watch", "a/#", "--url", url, "--json", "--no-retained", "--count", "4"]);
  await watch.printed(/watching a\/#/);
  for (const [topic, payload] of [
    ["a/json", '{"load":3.6}'],
    ["a/text", "line 1\nline 2"],
    ["a/bytes", Buffer.from([0xff, 0xfe])],
    ["a/empty", ""],
  ] as const)
    await publisher.publishAsync(topic, payload as string, { qos: 1 });
  const { code, stdout } = await watch.ended;
  expect(code).toBe(0);
  const at = expect.stringMatching(/^\d{4}-/);
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { at, topic: "a/json", retained: false, payload: { load: 3.6 } },
    { at, topic: "a/text", retained: false, payload: "line 1\nline 2" },
    { at, topic: "a/bytes", retained: false, payload_base64: "//4=" },
    { at, topic: "a/empty", retained: false, payload: "" },
  ]);
  expect(await cli(["watch", "b/#", "--url", url, "--for", "0.2s"])).toMatchObject({ code: 0, stdout: "" });
  const short = await cli(["watch", "a/old", "--url", url, "--for", "0.5s", "--count", "2"]);
  expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining("1 message of 2 arrived") });
});

test.skipIf(!mosquittoInstalled)("payloads are escaped and shortened to the screen", async () => {
  const { url } = await broker();
  const publisher = await client(url);
  const watch = new RunningCli(
    ["watch", "a", "--url", url, "--count", "1"],
    {},
    { interactive: true, columns: 40 },
  );
  await watch.printed(/watching a/);
  await publisher.publishAsync("a", `\u001b[2Jred\u202e\n${"x".repeat(1000)}`, { qos: 1 });
  const { stdout } = await watch.ended;
  expect(stdout).toMatch(/^\S{8} {2}a {2}\\u001b\[2Jred\\u202e x+…\n$/);
  expect(stdout.trimEnd()).toHaveLength(40);
});

test.skipIf(!mosquittoInstalled)("a broker that restarts: it says so and goes on", async () => {
  const mosquitto = await broker();
  const watch = new RunningCli(["watch", "a", "--url", mosquitto.url]);
  await watch.printed(/watching a/);
  await mosquitto.stop();
  await watch.printed(/lost mqtt:.*connecting again/);
  await mosquitto.start();
  await watch.printed(/connected to mqtt:.* again/);
  const publisher = await client(mosquitto.url);
  await publisher.publishAsync("a", "after");
  await watch.printed(/ a {2}after/);
  expect(await watch.stop()).toMatchObject({ code: 0 });
});

test.skipIf(!mosquittoInstalled)("a flood on a screen is passed over in part, and counted", async () => {
  const { url } = await broker({ config: ["max_queued_messages 0"] });
  const publisher = await client(url);
  const watch = new RunningCli(["watch", "a/#", "--url", url], {}, { interactive: true });
  await watch.printed(/watching a/);
  await Promise.all(
    Array.from({ length: 3000 }, (_, i) => publisher.publishAsync(`a/${i}`, "x", { qos: 1 })),
  );
  const shown = () => watch.stdout.split("\n").length - 1;
  const passedOver = () =>
    [...watch.stderr.matchAll(/… (\d+) messages? passed over/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  await expect.poll(() => shown() + passedOver(), { timeout: 20_000 }).toBe(3000);
  expect(passedOver()).toBeGreaterThan(0);
  await watch.stop();
});

test.skipIf(!mosquittoInstalled)("--table: the last message of each topic, in place", async () => {
  const { url } = await broker();
  const publisher = await client(url);
  const screen = new Screen(60, 20);
  const put = (text: string) => screen.write(text);
  const watch: RunningCli = new RunningCli(
    ["watch", "a/#", "--url", url, "--table", "--count", "4"],
    {},
    {
      ...{ interactive: true, columns: 60, rows: 20 },
      out: (text) => {
        watch.stdout += text;
        put(text);
      },
      err: put,
    },
  );
  await publisher.publishAsync("a/kept", "retained", { retain: true, qos: 1 });
  for (let i = 0; i < 3; i++) await publisher.publishAsync("a/b", String(i), { retain: true, qos: 1 });
  while (
    !(await Promise.race([
      watch.ended.then(() => true),
      publisher.publishAsync("a/b", "last", { qos: 1 }).then(() => false),
    ]))
  );
  expect(screen.text.match(/topic +time +payload/g)).toHaveLength(1);
  expect(screen.text).toMatch(/^a\/kept +\S{8} +retained$/m);
  expect(screen.text).toMatch(/^a\/b +\S{8} +last$/m);
});

test("no broker, and filters that are none: 1 and 2, with the reason", async () => {
  expect(await cli(["watch", ALL, "--url", "mqtt://127.0.0.1:1"])).toMatchObject({
    ...{ code: 1, stdout: "" },
    stderr: expect.stringMatching(/cannot connect to mqtt:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/),
  });
  for (const [filter, fault] of [
    ["a/#/b", "has a # that is not its last level"],
    ["a/b+", "has a + that is not a whole level"],
    ["a#", "has a # that is not its last level"],
  ] as const)
    expect(await cli(["watch", filter])).toMatchObject({ code: 2, stderr: expect.stringContaining(fault) });
  expect(await cli(["watch", "--for", "soon"])).toMatchObject({ code: 2 });
});
