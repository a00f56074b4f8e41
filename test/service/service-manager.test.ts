import { describe, expect, onTestFinished, test } from "vitest";
import { createLog, Secrets } from "../../src/log/log.ts";
import { conditionText } from "../../src/service/condition.ts";
import { ServiceManager } from "../../src/service/service-manager.ts";
import { eventually } from "../helpers/eventually.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { hasNotify, NotifySocket } from "../helpers/notify-socket.ts";

const log = (lines: string[]) => createLog({ write: (line) => lines.push(line) });

async function opened(options?: { isAbstract: boolean }) {
  const socket = await NotifySocket.open(options);
  onTestFinished(() => socket.close());
  return socket;
}

function managed(env: Record<string, string | undefined>) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const secrets = new Secrets();
  secrets.add("hidden-word");
  const manager = new ServiceManager({
    env: { PATH: process.env.PATH, ...env },
    log: log(lines),
    secrets,
    clock,
  });
  onTestFinished(() => manager.stopping());
  return { manager, clock, lines };
}

describe.skipIf(!hasNotify())("messages to a service manager", () => {
  test.each([{ isAbstract: false }, { isAbstract: true }])(
    "ready with a status, its changes only, keep-alives at half the time, stopping: %o",
    async (options) => {
      const socket = await opened(options);
      const { manager, clock } = managed({ NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "60000000" });
      let status = "all is well\nwith hidden-word";
      manager.ready(() => status);
      await socket.got(/READY/);
      expect(socket.messages.map(({ lines }) => lines)).toEqual([["READY=1", "STATUS=all is well with ***"]]);
      status = "the broker is away";
      await clock.advance(3000);
      await socket.got(/^STATUS=the broker is away$/);
      await clock.advance(26_000);
      expect(socket.of("WATCHDOG")).toEqual([]);
      await clock.advance(1000);
      await socket.got(/^WATCHDOG=1$/);
      await clock.advance(30_000);
      await eventually(() => expect(socket.of("WATCHDOG")).toHaveLength(2));
      expect(socket.of("STATUS")).toHaveLength(2);
      manager.stopping();
      await socket.got(/^STOPPING=1$/);
      await clock.advance(60_000);
      await socket.got(/^STATUS=stopping/);
      expect(socket.of("WATCHDOG")).toHaveLength(2);
      expect(socket.of("READY")).toHaveLength(1);
    },
  );

  test("no keep-alives for another process, and nothing without a socket", async () => {
    const socket = await opened();
    const { manager, clock } = managed({
      NOTIFY_SOCKET: socket.address,
      WATCHDOG_USEC: "1000000",
      WATCHDOG_PID: String(process.pid + 1),
    });
    manager.ready(() => "running");
    await socket.got(/READY/);
    await clock.advance(10_000);
    manager.stopping();
    await socket.got(/STOPPING/);
    expect(socket.of("WATCHDOG")).toEqual([]);
    const alone = managed({ WATCHDOG_USEC: "1000000" });
    alone.manager.ready(() => {
      throw new Error("not asked");
    });
    await alone.clock.advance(10_000);
    expect(alone.lines).toEqual([]);
  });

  test("a socket that is away is one line; what was not taken comes when it is back", async () => {
    const gone = await NotifySocket.open();
    await gone.close();
    const { manager, clock, lines } = managed({ NOTIFY_SOCKET: gone.address, WATCHDOG_USEC: "2000000" });
    manager.ready(() => "running");
    await eventually(() => expect(lines).toHaveLength(1));
    await clock.advance(3000);
    const socket = await NotifySocket.open({ path: gone.address });
    onTestFinished(() => socket.close());
    await eventually(async () => {
      await clock.advance(3000);
      expect(lines).toHaveLength(2);
    });
    expect(socket.of("READY")).toEqual(["READY=1"]);
    expect(socket.of("STATUS")).toEqual(["STATUS=running"]);
    expect(lines[0]).toMatch(
      /warn .*service: cannot report to the service manager: systemd-notify ended with 1 /,
    );
    expect(lines[1]).toMatch(/info .*accepts reports again/);
  });

  test("without systemd-notify: one line with the remedy, and no further attempt", async () => {
    const { manager, clock, lines } = managed({
      NOTIFY_SOCKET: "/run/nowhere",
      WATCHDOG_USEC: "2000000",
      PATH: "/nowhere",
    });
    manager.ready(() => "running");
    await eventually(() => expect(lines).toHaveLength(1));
    await clock.advance(10_000);
    manager.stopping();
    expect(lines).toEqual([expect.stringMatching(/warn .*systemd-notify is not installed.*Type=exec/)]);
  });
});

describe("the status text", () => {
  const url = "mqtt://broker:1883";

  test("of a bridge", () => {
    const devices = { online: 3, stale: 0, offline: 0 };
    const broker = { url, connected: true, waiting: 0 };
    const store = { backend: "sqlite", waiting: 12, failing: undefined };
    expect(conditionText({ devices, broker, store })).toBe(
      "3 devices online; connected to mqtt://broker:1883; storing in sqlite",
    );
    expect(
      conditionText({
        devices: { online: 10, stale: 1, offline: 2 },
        broker: { url, connected: false, waiting: 1249 },
        store: { backend: "influxdb", waiting: 5712, failing: { error: "connection refused" } },
        readOnly: true,
        problems: 1,
      }),
    ).toBe(
      "13 devices: 10 online, 1 stale, 2 offline; read-only; not connected to mqtt://broker:1883, about 1,000 values wait on disk; " +
        "the influxdb store accepts no values, about 6,000 values wait on disk: connection refused; changed configs have an error",
    );
    expect(conditionText({ devices, broker: { ...broker, connected: false }, standby: true })).toBe(
      "3 devices online; on standby: another bridge of this name is in charge",
    );
  });

  test("of a historian", () => {
    expect(
      conditionText({
        broker: { url, connected: false, waiting: 0 },
        store: { backend: "postgres", waiting: 0 },
      }),
    ).toBe("not connected to mqtt://broker:1883; storing in postgres");
  });
});
