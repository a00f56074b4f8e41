import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePayload } from "../../src/integrations/sparkplug/codec.ts";
import { startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { findProgram, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { hasProtobuf, PYTHON, pahoInstalled } from "../helpers/python.ts";
import { Site } from "../helpers/site.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { ASSERTIONS } from "../integrations/sparkplug/specification/assertions.ts";
import { recordAt } from "../integrations/sparkplug/specification/record.ts";

const PROTO = fileURLToPath(new URL("../../src/integrations/sparkplug", import.meta.url));
const HOST = fileURLToPath(new URL("sparkplug_host.py", import.meta.url));
const protoc = findProgram("protoc");

/** `protoc` with the schema of the edge node. */
function compile(mode: "encode" | "decode", input: Uint8Array, folder = PROTO): Buffer {
  const [type, file] =
    folder === PROTO ? ["org.eclipse.tahu.protobuf.Payload", "sparkplug_b"] : ["All", "all"];
  const args = [`--${mode}=${type}`, "-I", PROTO, "-I", folder, `${file}.proto`];
  return execFileSync(protoc!, args, { input, stdio: ["pipe", "pipe", "pipe"] });
}

/** Many payloads as one message, so that one call reads all. */
const ALL = `syntax = "proto2"; import "sparkplug_b.proto";
  message All { repeated org.eclipse.tahu.protobuf.Payload payloads = 1; }`;

function allOf(payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(
    payloads.flatMap((bytes) => {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest < 128) return [Buffer.from([10, ...length]), bytes];
      }
    }),
  );
}

interface Event {
  readonly saw: string;
  readonly [more: string]: unknown;
}

/** The host application in Python. */
class PythonHost {
  readonly events: Event[] = [];
  #trouble = "";
  readonly #child: ChildProcess;

  constructor(folder: string, port: number, version: string) {
    this.#child = spawn(PYTHON, [HOST, folder, String(port), version, "scada", "campus"]);
    let rest = "";
    this.#child.stdout!.on("data", (chunk: Buffer) => {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
    });
    this.#child.stderr!.on("data", (chunk: Buffer) => {
      this.#trouble += chunk;
    });
  }

  /** Waits for an event that has these members, from position `from` on. */
  saw(event: Partial<Event>, from = 0): Promise<Event> {
    return eventually(
      () => {
        const found = this.events.slice(from).find((one) => {
          return Object.entries(event).every(([key, value]) => one[key] === value);
        });
        if (found) return found;
        throw new Error(`no ${JSON.stringify(event)}:\n${this.log}\n${this.#trouble}`);
      },
      20_000,
      20,
    );
  }

  /** A line for each event. */
  get log(): string {
    return this.events.map((event) => JSON.stringify(event)).join("\n");
  }

  order(order: object): void {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.order({ do: "stop" });
    await ended;
  }
}

describe.skipIf(!protoc)("protoc with the schema of the edge node", () => {
  it("encodes what the codec reads", () => {
    const text = `
      timestamp: 1790000000000
      seq: 7
      uuid: "x"
      metrics { name: "Port 1/allowedLoad" alias: 1003 timestamp: 1790000000001 datatype: 10 double_value: 3.3
        metadata { description: "not read" }
        properties { keys: "engUnit" values { type: 12 string_value: "kW" } keys: "Quality" values { type: 3 int_value: 500 } } }
      metrics { alias: 18446744073709551615 long_value: 18446744073709551615 is_historical: true }
      metrics { name: "n" datatype: 3 is_null: true }
      metrics { name: "t" datatype: 19 template_value { is_definition: false } }`;
    expect(decodePayload(compile("encode", Buffer.from(text)))).toEqual({
      timestamp: 1_790_000_000_000,
      seq: 7,
      metrics: [
        {
          name: "Port 1/allowedLoad",
          alias: 1003n,
          timestamp: 1_790_000_000_001,
          datatype: 10,
          value: { field: "double_value", value: 3.3 },
          properties: new Map([
            ["engUnit", { type: 12, value: { field: "string_value", value: "kW" } }],
            ["Quality", { type: 3, value: { field: "int_value", value: 500 } }],
          ]),
        },
        {
          alias: 2n ** 64n - 1n,
          isHistorical: true,
          value: { field: "long_value", value: 2n ** 64n - 1n },
        },
        { name: "n", datatype: 3, isNull: true },
        { name: "t", datatype: 19, value: { field: "other" } },
      ],
    });
  });
});

const canRun = protoc !== undefined && mosquittoInstalled && pahoInstalled && hasProtobuf();

describe.skipIf(!canRun)("a host application in Python", () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sparkplug-python-"));
    writeFileSync(join(folder, "all.proto"), ALL);
    execFileSync(protoc!, [`--python_out=${folder}`, "-I", PROTO, "sparkplug_b.proto"]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.concurrent.for([
    ["311", 4],
    ["5", 5],
  ] as const)(
    "sees a bridge live, write, be killed and come back, over MQTT %s",
    { timeout: 60_000 },
    async ([name, version], { expect, onTestFinished }) => {
      const simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
      onTestFinished(() => simulator.close());
      const mosquitto = await Mosquitto.run();
      onTestFinished(() => mosquitto.dispose());
      const proxy = await TcpProxy.before(mosquitto.port);
      onTestFinished(() => proxy.close());
      const record = recordAt(proxy, { version, group: "campus", node: "garage", host: "scada" });
      const payloads: Buffer[] = [];
      const ear = await mqtt.connectAsync(mosquitto.url);
      onTestFinished(() => ear.endAsync(true));
      ear.on("message", (_, bytes) => payloads.push(bytes));
      await ear.subscribeAsync(["spBv1.0/campus/+/garage", "spBv1.0/campus/+/garage/+"], { qos: 1 });
      const { endpoint, username, password, stationIDs } = simulator;
      const site = new Site({
        ...{ endpoint, username, password, stationIDs },
        bridge: {
          instance: "garage",
          mqtt: { url: mosquitto.url, protocol_version: version },
          historian: { backend: "none" },
          integrations: {
            sparkplug: {
              ...{ enabled: true, group: "campus", primary_host: "scada" },
              broker: { url: `mqtt://127.0.0.1:${proxy.port}`, protocol_version: version },
            },
          },
        },
      });
      onTestFinished(() => site.remove());
      const start = () => {
        const started = new RunningVoltbridge(["run", "--config", site.config]);
        onTestFinished(() => void started.stop("SIGKILL"));
        return started;
      };
      let bridge = start();
      const host = new PythonHost(folder, mosquitto.port, name);
      onTestFinished(() => host.end());
      const { events } = host;
      const device = "site:s1";

      await host.saw({ saw: "NBIRTH", bdSeq: 0 });
      await host.saw({ saw: "DBIRTH", device });
      await host.saw({ saw: "DBIRTH", device: "site:s2" });
      host.order({ do: "write", node: "garage", device, metric: "Port 1/allowedLoad", value: 3 });
      const answer = await host.saw({ saw: "answer" });
      expect(answer).toMatchObject({ status: "confirmed", engUnit: "kW", readOnly: false });
      const value = (from: number, wanted: unknown) =>
        eventually(() => {
          const values = events
            .slice(from)
            .map((event) => (event.values as Event | undefined)?.["Port 1/allowedLoad"]);
          expect(values).toContain(wanted);
        });
      await value(0, 3);

      let from = events.length;
      host.order({ do: "rebirth", node: "garage" });
      await host.saw({ saw: "NBIRTH", bdSeq: 0, seq: 0 }, from);
      await host.saw({ saw: "DBIRTH", device: "site:s2" }, from);

      from = events.length;
      await bridge.stop("SIGKILL");
      await host.saw({ saw: "NDEATH", bdSeq: 0 }, from);
      bridge = start();
      await host.saw({ saw: "NBIRTH", bdSeq: 1 }, from);
      await host.saw({ saw: "DBIRTH", device }, from);
      host.order({ do: "write", node: "garage", device, metric: "Port 1/allowedLoad", value: null });
      expect(await host.saw({ saw: "answer", wrote: null }, from)).toMatchObject({ status: "confirmed" });

      from = events.length;
      await bridge.stop("SIGTERM");
      await host.saw({ saw: "NDEATH", bdSeq: 1 }, from);
      await host.end();
      expect(events.filter(({ saw }) => saw === "wrong")).toEqual([]);

      // The other judges, over the same bridge.
      const all = allOf(payloads);
      const text = compile("decode", all, folder);
      // A field that the schema does not have would be a number there.
      expect(text.toString()).not.toMatch(/^\s*\d+[ :]/m);
      expect(compile("encode", text, folder).equals(all)).toBe(true);
      expect(payloads.length).toBeGreaterThan(10);
      const faults = Object.values(ASSERTIONS)
        .flat()
        .filter((one) => one.version === undefined || one.version === version)
        .map(({ id, check }) => [id, [...check(record)].filter((one) => one !== undefined)] as const);
      expect(faults.filter(([, found]) => found.length > 0)).toEqual([]);
      if (process.env.SHOW_LOG) process.stdout.write(`${host.log}\n`);
    },
  );
});
