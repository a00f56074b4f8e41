// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables are what is under test
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BridgeOptions } from "../../../src/config/bridge/bridge.ts";
import { defaultBridge, formatDiagnostic, loadBridge } from "../../../src/config/index.ts";
import { CONNECTION_SCHEMA as postgresSchema } from "../../../src/config/postgres-connection.ts";
import { CONNECTION_SCHEMA as influxdbSchema } from "../../../src/historian/stores/influxdb/settings.ts";
import { sqlite } from "../../../src/historian/stores/sqlite/index.ts";
import { Secrets } from "../../../src/log/log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-bridge-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(settings: unknown, options: Partial<BridgeOptions> = {}) {
  const file = join(folder, "bridge.json");
  writeFileSync(file, typeof settings === "string" ? settings : JSON.stringify(settings), { mode: 0o600 });
  return loadBridge(file, { secrets: new Secrets(), env: {}, ...options });
}

describe("bridge config", () => {
  test("an empty file means the defaults of contracts.md, folders from the file's own", () => {
    const { settings, diagnostics } = load({});
    expect(diagnostics).toEqual([]);
    expect(settings).toEqual({
      file: join(folder, "bridge.json"),
      instance: "voltbridge",
      devices: join(folder, "devices"),
      registries: resolve(folder, "../registry"),
      data: resolve(folder, "../data"),
      readOnly: false,
      driver: {
        driverScrapeIntervalSeconds: 0.02,
        groupOffsetIntervalSeconds: 0,
        publish: { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
        writeStartingValues: false,
        heartbeatIntervalSeconds: 60,
      },
      mqtt: {
        url: "mqtt://localhost:1883",
        protocolVersion: 5,
        baseTopic: "",
        answers: "bridge",
        qos: 1,
        retain: true,
        keepaliveSeconds: 60,
        payload: "volttron",
        headers: "payload",
        state: "json",
        stateRefreshSeconds: 300,
        noLimit: "null",
        outboxLimitMb: 1024,
      },
      historian: {
        backend: "sqlite",
        connection: {},
        retryPeriodSeconds: 300,
        submitSizeLimit: 1000,
        maxTimePublishingSeconds: 30,
        historyLimitWaitDays: 7,
        backupStorageReport: 0.9,
        readonly: false,
        captureDeviceData: true,
        captureAnalysisData: true,
        captureLogData: true,
        captureRecordData: true,
        topicReplaceList: [],
        deviceDataFilter: {},
        customTopics: {},
        timeToleranceTopics: ["devices"],
        cacheOnlyEnabled: false,
        messagePublishCount: 10_000,
        gatherTimingData: false,
        syncTimestamp: false,
        also: [],
      },
      sessions: {
        enabled: false,
        backend: "sqlite",
        connection: {},
        intervalSeconds: 300,
        lookBackDays: 7,
        recheckDays: 3,
        payments: true,
        intervals: false,
        personalData: true,
        publish: true,
        publishPersonalData: false,
      },
      actuator: {
        requireSchedule: false,
        schedulePublishIntervalSeconds: 30,
        preemptGraceTimeSeconds: 60,
        confirmTimeoutSeconds: 60,
        renewal: "if_in_force",
        acceptedAfterSeconds: 5,
        writesPerMinute: 60,
        maxCommandAgeSeconds: 60,
        requester: "message",
      },
      limits: {},
      cluster: { backend: "none", connection: {}, ttlSeconds: 6, weight: 1 },
      integrations: {
        homeAssistant: {
          enabled: false,
          prefix: "homeassistant",
          discovery: "device",
          requester: "home-assistant",
          personal: false,
        },
        sparkplug: { enabled: false, group: "voltbridge", requester: "sparkplug", historyLimit: 100_000 },
      },
      reload: { holds: "revert" },
      mail: { tls: "starttls" },
      alerts: { rules: {}, targets: {} },
      web: {
        enabled: false,
        host: "127.0.0.1",
        port: 8080,
        users: [],
        tokens: [],
        allowedHosts: [],
        session: { idleSeconds: 28_800, absoluteSeconds: 604_800 },
        personalData: "operate",
      },
      metrics: { enabled: true, host: "127.0.0.1", perPort: true, maxSeries: 20_000 },
    });
  });

  test("without a file at the usual place the defaults hold, from the folder configs/", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const { settings, diagnostics } = loadBridge(undefined, { secrets: new Secrets() });
      expect(diagnostics).toEqual([]);
      expect(settings).toEqual(defaultBridge());
      expect(settings?.devices).toBe(resolve("configs/devices"));
      expect(settings?.data).toBe(resolve("data"));
    } finally {
      process.chdir(before);
    }
  });

  test("a file that was named and is not there is an error", () => {
    const { settings, diagnostics } = loadBridge(join(folder, "other.json"), { secrets: new Secrets() });
    expect(settings).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: "unreadable_file", severity: "error", message: "the file does not exist" },
    ]);
  });

  test("what the file says counts, in our own names and units", () => {
    const { settings } = load({
      registries: "/etc/registry",
      driver: { publish_depth_first: true, heartbeat_interval: 10 },
      mqtt: {
        url: "mqtts://broker:8883",
        username: "bridge",
        password: "hidden-word",
        base_topic: "site/a/",
        qos: 0,
      },
      historian: { backend: "none", history_limit_days: 0.5, topic_replace_list: [{ from: "A", to: "b" }] },
      web: { users: [{ name: "ann", password: "other-word" }] },
    });
    expect(settings).toMatchObject({
      registries: "/etc/registry",
      driver: { publish: { depthFirstAll: true, depthFirst: true }, heartbeatIntervalSeconds: 10 },
      mqtt: { username: "bridge", password: "hidden-word", baseTopic: "site/a", qos: 0 },
      historian: { backend: "none", historyLimitDays: 0.5, topicReplaceList: [{ from: "A", to: "b" }] },
      web: { users: [{ name: "ann", password: "other-word" }] },
    });
    expect(settings?.historian).not.toHaveProperty("storageLimitGb");
  });

  test("an embedded broker has the URL at which programs of this machine reach it", () => {
    const url = (embedded: object) =>
      load({ mqtt: { embedded, username: "bms", password: "hidden-word" } }).settings?.mqtt.url;
    expect(url({})).toBe("mqtt://127.0.0.1:1883");
    expect(url({ host: "0.0.0.0", port: 1884 })).toBe("mqtt://localhost:1884");
    expect(url({ host: "::1" })).toBe("mqtt://[::1]:1883");
  });

  test.each([
    ["0.0.0.0", {}],
    ["::", {}],
    ["192.168.1.20", { username: "bms" }],
    ["bridge.example", {}],
  ])("G9: an embedded broker at %s is refused without user and password", (host, login) => {
    const { settings, diagnostics } = load({ mqtt: { embedded: { host }, ...login } });
    expect(settings).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: "open_broker", severity: "error", path: "mqtt.embedded.host" },
    ]);
    expect(diagnostics[0]!.message).toMatch(/mqtt\.username and mqtt\.password/);
    const closed = { embedded: { host }, username: "bms", password: "hidden-word" };
    expect(load({ mqtt: closed }).diagnostics).toEqual([]);
  });

  test.each(["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "localhost"])(
    "G9: an embedded broker at %s needs no password",
    (host) => expect(load({ mqtt: { embedded: { host } } }).diagnostics).toEqual([]),
  );

  describe("G1: credentials that go to another host in clear are a warning", () => {
    const login = { username: "bms", password: "hidden-word" };
    const backends = { sqlite: {}, influxdb: influxdbSchema, postgres: postgresSchema };
    const sessionBackends = { sqlite: {}, postgres: postgresSchema };
    const historian = (backend: string, connection: object) => ({ historian: { backend, connection } });
    const warnings = (settings: unknown) => {
      const { diagnostics } = load(settings, { backends, sessionBackends });
      expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
      return diagnostics
        .filter(({ code }) => code === "sent_in_clear")
        .map(({ path, message }) => `${path}: ${message}`);
    };

    test.each([
      [
        "mqtt://",
        { mqtt: { url: "mqtt://broker.example", ...login } },
        /^mqtt\.url: .*broker\.example.*mqtts:/,
      ],
      ["ws://", { mqtt: { url: "ws://10.0.0.5/mqtt", ...login } }, /^mqtt\.url: .*10\.0\.0\.5.*wss:/],
      ["a user in the URL", { mqtt: { url: "mqtt://bms:hidden-word@broker.example" } }, /^mqtt\.url: /],
      [
        "InfluxDB 1",
        historian("influxdb", { url: "http://influx.example:8086", ...login }),
        /^historian\.connection\.url: .*influx\.example.*https:/,
      ],
      [
        "InfluxDB 3",
        historian("influxdb", { url: "http://influx.example:8086", version: 3, token: "hidden-word" }),
        /^historian\.connection\.url: /,
      ],
      [
        "PostgreSQL",
        historian("postgres", { host: "db.example", password: "hidden-word" }),
        /^historian\.connection\.host: .*db\.example.*verify-full/,
      ],
      [
        "PostgreSQL by URL",
        historian("postgres", { url: "postgresql://bms:hidden-word@db.example/x" }),
        /^historian\.connection\.url: .*db\.example/,
      ],
      [
        "sessions",
        { sessions: { backend: "postgres", connection: { host: "db.example" } } },
        /^sessions\.connection\.host: /,
      ],
    ])("%s", (_, settings, expected) => {
      expect(warnings(settings)).toEqual([expect.stringMatching(expected)]);
      expect(JSON.stringify(warnings(settings))).not.toContain("hidden-word");
    });

    test.each([
      ["mqtts://", { mqtt: { url: "mqtts://broker.example", ...login } }],
      ["this machine", { mqtt: { url: "mqtt://localhost", ...login } }],
      ["no credentials", { mqtt: { url: "mqtt://broker.example" } }],
      ["InfluxDB over https", historian("influxdb", { url: "https://influx.example", ...login })],
      ["InfluxDB without credentials", historian("influxdb", { url: "http://influx.example" })],
      ["PostgreSQL with TLS", historian("postgres", { host: "db.example", ssl: "require" })],
      [
        "PostgreSQL with TLS by URL",
        historian("postgres", { url: "postgresql://u:hidden-word@db.example/x?sslmode=verify-full" }),
      ],
      ["a Unix socket", historian("postgres", { host: "/var/run/postgresql" })],
      ["a broker of its own", { mqtt: { embedded: {}, ...login } }],
    ])("not so: %s", (_, settings) => expect(warnings(settings)).toEqual([]));
  });

  test("variables make numbers and booleans where those are wanted, and stay text elsewhere", () => {
    const env = { PORT: "8081", RETAIN: "false", NAME: "1234", HOST: "::1" };
    const { settings, diagnostics } = load(
      { instance: "${NAME}", web: { port: "${PORT}", host: "${HOST}" }, mqtt: { retain: "${RETAIN}" } },
      { env },
    );
    expect(diagnostics).toEqual([]);
    expect(settings).toMatchObject({
      instance: "1234",
      web: { port: 8081, host: "::1" },
      mqtt: { retain: false },
    });
  });

  test("a variable that is no number is an error that shows the variable and not its value", () => {
    const { diagnostics } = load({ web: { port: "${PORT}" } }, { env: { PORT: "canary" } });
    expect(diagnostics).toMatchObject([{ code: "wrong_type", path: "web.port", found: '"${PORT}"' }]);
    expect(JSON.stringify(diagnostics)).not.toContain("canary");
  });

  test("$${ is a plain ${", () => {
    expect(load({ mqtt: { username: "$${x}", password: "p$${y}" } }).settings?.mqtt).toMatchObject({
      username: "${x}",
      password: "p${y}",
    });
  });

  test("a backend has its own settings, checked with its schema, secrets too", () => {
    const backends = {
      sqlite: {
        type: "object",
        properties: { path: { type: "string", default: "history.db" } },
        additionalProperties: false,
      },
      postgres: {
        type: "object",
        properties: { password: { type: "string", "x-secret": true } },
        additionalProperties: false,
      },
    };
    const secrets = new Secrets();
    expect(load({}, { backends }).settings?.historian.connection).toEqual({ path: "history.db" });
    expect(
      load(
        { historian: { backend: "postgres", connection: { password: "${PW}" } } },
        { backends, secrets, env: { PW: "deep-secret" } },
      ).settings?.historian.connection,
    ).toEqual({ password: "deep-secret" });
    expect(secrets.blank("deep-secret")).toBe("***");
    expect(load({ historian: { backend: "none" } }, { backends }).diagnostics).toEqual([]);
    expect(load({ historian: { backend: "sqllite" } }, { backends }).diagnostics).toMatchObject([
      { code: "bad_choice", path: "historian.backend", suggestion: "sqlite" },
    ]);
    expect(load({ historian: { connection: { pth: "x" } } }, { backends }).diagnostics).toMatchObject([
      { code: "unknown_key", path: "historian.connection.pth", suggestion: "path" },
    ]);
  });

  test("several stores: each item has the settings of its backend; names and places must differ", () => {
    const backends = { sqlite: sqlite.configSchema, influxdb: influxdbSchema, postgres: postgresSchema };
    const also = (...items: unknown[]) => load({ historian: { also: items } }, { backends, secrets });
    const problems = (...items: unknown[]) =>
      also(...items).diagnostics.map(({ code, path }) => `${code} ${path}`);
    const secrets = new Secrets();
    const good = also(
      { backend: "sqlite", connection: { path: "b.sqlite" }, history_limit_days: 30 },
      { backend: "influxdb", name: "cloud", connection: { username: "u", password: "deep-secret" } },
      { backend: "postgres", connection: { host: "localhost", schema: "a" } },
      { backend: "postgres", name: "b", connection: { host: "localhost", schema: "b" } },
    );
    expect(good.diagnostics).toEqual([]);
    expect(good.settings?.historian.also).toMatchObject([
      {
        backend: "sqlite",
        connection: { durability: "full" },
        historyLimitDays: 30,
        historyLimitWaitDays: 7,
      },
      { name: "cloud", connection: { url: "http://127.0.0.1:8086" } },
      {},
      {},
    ]);
    expect(secrets.blank("deep-secret")).toBe("***");
    expect(problems({ backend: "sqlite" })).toEqual(["duplicate_store historian.also[0].connection"]);
    const second = { backend: "sqlite", connection: { path: "./x/../historian.sqlite" } };
    expect(problems(second)).toEqual(["duplicate_store historian.also[0].connection"]);
    const two = { backend: "influxdb", connection: { database: "a" } };
    expect(problems(two, { ...two, connection: { database: "b" } })).toEqual([
      "duplicate_store historian.also[1].backend",
    ]);
    expect(problems(two, { ...two, name: "b" })).toEqual(["duplicate_store historian.also[1].connection"]);
    expect(problems({ backend: "none" })).toEqual(["bad_choice historian.also[0].backend"]);
    expect(problems({})).toEqual(["missing_key historian.also[0].backend"]);
    expect(problems({ backend: "sqlite", connection: { pth: "x" } })).toEqual([
      "unknown_key historian.also[0].connection.pth",
    ]);
    expect(problems({ backend: "influxdb", name: "A b", connection: { version: 2 } })[0]).toBe(
      "bad_text historian.also[0].name",
    );
    const inClear = { url: "http://influx.example", username: "u", password: "hidden-word" };
    expect(problems({ backend: "influxdb", connection: inClear })).toContain(
      "sent_in_clear historian.also[0].connection.url",
    );
    expect(
      load({ historian: { backend: "none", also: [two] } }, { backends }).diagnostics.map(({ code }) => code),
    ).toEqual(["conflicting_settings"]);
  });

  test("G1: every secret is known before anything is logged: in the clear, from a variable, from a file, in a URL", () => {
    const secrets = new Secrets();
    writeFileSync(join(folder, "key"), "from file\r\n", { mode: 0o600 });
    const users = [
      { name: "a", password: "in-clear" },
      { name: "b", password: "${PW}" },
      { name: "c", password: { file: "key" } },
    ];
    const { settings } = load(
      { mqtt: { url: "mqtt://u:in%20url@broker" }, web: { users } },
      { secrets, env: { PW: "from-env" } },
    );
    expect(settings?.web.users.map((user) => user.password)).toEqual(["in-clear", "from-env", "from file"]);
    expect(secrets.blank("in-clear from-env from file in%20url in url")).toBe("*** *** *** *** ***");
  });

  test("a secret in the clear is a warning where others can read the file", () => {
    const file = join(folder, "open.json");
    writeFileSync(file, '{"mqtt": {"username": "a", "password": "in-clear"}}');
    const codes = (mode: number) => {
      chmodSync(file, mode);
      return loadBridge(file, { secrets: new Secrets() }).diagnostics.map((d) => d.code);
    };
    expect(codes(0o600)).toEqual([]);
    expect(codes(0o640)).toEqual(["secret_in_clear"]);
    expect(codes(0o604)).toEqual(["secret_in_clear"]);
  });

  test("a BOM, UTF-16 and Windows line ends are read", () => {
    expect(load('\uFEFF{\r\n "instance": "a"\r\n}').settings?.instance).toBe("a");
    const file = join(folder, "utf16.json");
    writeFileSync(file, Buffer.from('\uFEFF{"instance": "Zürich"}', "utf16le"));
    expect(loadBridge(file, { secrets: new Secrets() }).settings?.instance).toBe("Zürich");
  });

  test("keys of an object's own machinery are settings like others: unknown", () => {
    const { diagnostics } = load(
      '{"__proto__": {"instance": "x"}, "constructor": 1, "mqtt": {"toString": 1}}',
    );
    expect(diagnostics.map((d) => [d.code, d.path])).toEqual([
      ["unknown_key", "__proto__"],
      ["unknown_key", "constructor"],
      ["unknown_key", "mqtt.toString"],
    ]);
  });

  test("G7: a key with line breaks makes one line of diagnostics", () => {
    const { diagnostics } = load({ "a\nb\u001b[31m": 1 });
    expect(diagnostics).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(formatDiagnostic(diagnostics[0]!)).not.toMatch(/[\u0000-\u001f]/);
  });

  test("folders and files in place of each other are said to be so", () => {
    mkdirSync(join(folder, "bridge"));
    expect(loadBridge(join(folder, "bridge"), { secrets: new Secrets() }).diagnostics[0]?.message).toBe(
      "the file is a folder",
    );
  });
});
