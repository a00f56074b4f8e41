import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Alerts } from "../../src/alerts/alerts.ts";
import { Bus, type Notice } from "../../src/bus.ts";
import { type AlertSettings, loadBridge, type MailSettings } from "../../src/config/index.ts";
import type { LimitGroup, RunningDevices } from "../../src/devices/index.ts";
import type { AccountState } from "../../src/drivers/abilities.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import type { AlertMessage, Availability, DeviceInfo, OpenAlarm } from "../../src/points/index.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

/** Key of the webhooks of these tests. */
export const SECRET = Buffer.alloc(32, 7).toString("base64");

/** Loads sections of a bridge config. Throws for problems. */
export function loaded(sections: object): { readonly alerts: AlertSettings; readonly mail: MailSettings } {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-alerts-"));
  try {
    const file = join(folder, "bridge.json");
    writeFileSync(file, JSON.stringify(sections), { mode: 0o600 });
    const { settings, diagnostics } = loadBridge(file, { secrets: new Secrets(), env: {} });
    if (!settings) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
    return settings;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface AlertsRigOptions {
  readonly alerts: object;
  readonly mail?: object;
  readonly limits?: object;
  readonly stations?: number;
  readonly clock?: ManualClock;
  readonly state?: StateStore;
}

/** The alerts of a bridge whose other parts the test plays. */
export class AlertsRig {
  readonly clock: ManualClock;
  readonly state: StateStore;
  readonly bus = new Bus((_event, error) => {
    throw error;
  });
  readonly devices = new Map<string, DeviceInfo>();
  readonly openAlarms = new Map<string, OpenAlarm[]>();
  readonly published: AlertMessage[] = [];
  readonly shown: { readonly alerts: readonly AlertMessage[]; readonly count: number }[] = [];
  readonly notices: Notice[] = [];
  readonly mqtt = {
    url: "mqtt://broker",
    connected: true,
    turnedAt: new Date(0),
    outbox: { dropped: { limit: 0 } },
    alerts: {
      publish: async (message: AlertMessage) => {
        if (!this.mqtt.connected) return "dropped" as const;
        this.published.push(message);
        return "published" as const;
      },
      show: (alerts: readonly AlertMessage[], count: number) => void this.shown.push({ alerts, count }),
    },
  };
  paused: string[] = [];
  groups: LimitGroup[] = [];
  accounts: (AccountState & { driverType: string })[] = [];
  dropped: Record<string, number> = { limit: 5 };
  readonly secrets = new Secrets();
  failing: { since: string; error: string } | undefined;
  readonly alerts: Alerts;

  constructor({ alerts, mail = {}, limits = {}, stations = 3, clock, state }: AlertsRigOptions) {
    this.clock = clock ?? new ManualClock();
    this.state = state ?? StateStore.open(":memory:");
    for (let n = 1; n <= stations; n++) {
      const path = `campus/garage/s${n}`;
      this.devices.set(path, { path, stationID: `1:${n}` } as DeviceInfo);
    }
    this.bus.on("notice", (notice) => void this.notices.push(notice));
    const settings = loaded({ alerts, mail, limits });
    const rig = this;
    this.alerts = new Alerts({
      settings: settings.alerts,
      mail: settings.mail,
      instance: "test",
      version: "0.0.0",
      backend: "sqlite",
      mqtt: this.mqtt,
      limits: { limits: () => this.groups },
      archive: {
        get counters() {
          return { failing: rig.failing, dropped: rig.dropped };
        },
      },
      devices: {
        byPath: this.devices,
        accountStates: () => this.accounts,
        openAlarms: (device) => {
          const open = this.openAlarms.get(device.path);
          return open && { device, alarms: open, isCut: false };
        },
        control: {
          pausing: { paused: () => this.paused.map((device) => ({ device, since: "", requester: "" })) },
        } as unknown as RunningDevices["control"],
      },
      bus: this.bus,
      state: this.state,
      log: createLog({ level: "silent" }),
      secrets: this.secrets,
      clock: this.clock,
    });
    this.alerts.start();
  }

  become(availability: Availability, ...numbers: number[]): void {
    for (const n of numbers) {
      const device = this.devices.get(`campus/garage/s${n}`)!;
      const reason = availability === "online" ? {} : { reason: "no answer" };
      this.bus.emit("availability", { device, availability, since: new Date(this.clock.now()), ...reason });
    }
  }

  alarm(state: "raised" | "cleared", n: number, alarm: string, port: string | null = "1"): void {
    const device = this.devices.get(`campus/garage/s${n}`)!;
    const at = new Date(this.clock.now());
    const before = this.openAlarms.get(device.path) ?? [];
    const others = before.filter((one) => one.alarm !== alarm || one.port !== port);
    const open = state === "raised" ? [...others, { port, alarm, raisedAt: at }] : others;
    this.openAlarms.set(device.path, open);
    this.bus.emit("alarm", {
      ...{ id: `${n} ${alarm} ${state}`, device, port, alarm, state },
      ...{ raisedAt: at, at, seenAt: at, text: "" },
    });
    this.bus.emit("openAlarms", { device, alarms: open, isCut: false });
  }

  /** What was published over MQTT, in short: `raised garage 2`. */
  get changes(): string[] {
    return this.published.map(({ state, rule, count }) => `${state} ${rule} ${count}`);
  }

  /** Ends the alerts as a stop of the process does, and starts them again on what is on disk. */
  async restarted(options: Omit<AlertsRigOptions, "clock" | "state">): Promise<AlertsRig> {
    await this.alerts.stop();
    return new AlertsRig({ ...options, clock: this.clock, state: this.state });
  }
}

export interface Posted {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A receiver of webhooks on a free port of 127.0.0.1. */
export class Receiver {
  readonly posted: Posted[] = [];
  url = "";
  /** What it does with a request once it has read it. */
  answer: (response: ServerResponse, nth: number) => void = (response) => void response.writeHead(204).end();
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.posted.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      this.answer(response, this.posted.length);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get data(): AlertMessage[] {
    return this.posted.map(({ body }) => (JSON.parse(body) as { data: AlertMessage }).data);
  }
}
