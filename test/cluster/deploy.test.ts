import { cpSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { cli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, "deploy/cluster");
const read = (file: string) => readFileSync(join(FOLDER, file), "utf8");

interface Service {
  readonly image: string;
  readonly hostname?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

describe("deploy/cluster", () => {
  const compose = parse(read("compose.yaml"), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: Readonly<Record<string, unknown>>;
    readonly networks: { readonly estate: { ipam: { config: { gateway: string }[] } } };
  };
  const services = Object.entries(compose.services);
  const bridges = services.filter(([, { image }]) => image === "voltbridge");
  const etcds = services.filter(([, { image }]) => image.includes("etcd"));
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((one) => one.split(":")[0]!));
  const place = new Workplace();
  afterAll(() => place.remove());

  test("has three bridges, three etcd, a broker and a database, each by the version of its image", () => {
    expect([bridges.length, etcds.length, services.length]).toEqual([3, 3, 8]);
    const images = services.map(([, { image }]) => image).filter((image) => image !== "voltbridge");
    expect(images.filter((image) => !/:v?\d+\.\d+\.\d+(-\w+)?$/.test(image))).toEqual([]);
  });

  test("mounts files that exist and volumes that it names, none of them for two", () => {
    const isPath = (source: string) => source.startsWith(".");
    const missing = mounts.filter((source) =>
      isPath(source) ? !existsSync(resolve(FOLDER, source)) : !(source in compose.volumes),
    );
    expect(missing).toEqual([]);
    const volumes = mounts.filter((source) => !isPath(source));
    expect(volumes.toSorted()).toEqual(Object.keys(compose.volumes).sort());
  });

  test("publishes ports on this machine only, each once", () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(":")));
    expect(ports.map(([address]) => address)).toEqual(ports.map(() => "127.0.0.1"));
    expect(new Set(ports.map(([, port]) => port)).size).toBe(ports.length);
  });

  test("needs the variables of env.example", () => {
    const used = new Set([...read("compose.yaml").matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1]!));
    const named = [...read("env.example").matchAll(/^(\w+)=/gm)].map((match) => match[1]!);
    expect(named.sort()).toEqual([...used].sort());
  });

  test("every etcd knows the others, and every member all of them", () => {
    const names = etcds.map(([name]) => name);
    for (const [name, { environment }] of etcds) {
      expect(environment).toMatchObject({
        ETCD_NAME: name,
        ETCD_ADVERTISE_CLIENT_URLS: `http://${name}:2379`,
        ETCD_INITIAL_ADVERTISE_PEER_URLS: `http://${name}:2380`,
        ETCD_INITIAL_CLUSTER: names.map((one) => `${one}=http://${one}:2380`).join(","),
      });
    }
    const { cluster, web } = JSON.parse(read("bridge.json"));
    expect(cluster.connection.endpoints).toEqual(names.map((name) => `http://${name}:2379`));
    expect(web.trusted_proxy.addresses).toEqual([compose.networks.estate.ipam.config[0]!.gateway]);
    expect(bridges.map(([name, { hostname }]) => [name, hostname])).toEqual(
      bridges.map(([name]) => [name, name]),
    );
  });

  test("its config passes check", async () => {
    cpSync(join(FOLDER, "bridge.json"), place.at("configs/bridge.json"));
    cpSync(join(ROOT, "deploy/compose/configs/devices"), place.at("configs/devices"), { recursive: true });
    cpSync(join(ROOT, "registry"), place.at("registry"), { recursive: true });
    const env = { MQTT_PASSWORD: "one", POSTGRES_PASSWORD: "two", WEB_PASSWORD: "three and more" };
    const { code, stdout } = await cli(["check", "--config", place.at("configs/bridge.json")], env);
    // Between containers of one machine nothing is encrypted.
    expect([...stdout.matchAll(/(error|warning) \[(\w+)\]/g)].map((match) => match[2])).toEqual([
      ...["sent_in_clear", "sent_in_clear"],
    ]);
    expect(code).toBe(0);
  });
});

test("the members of examples/cluster differ in what is theirs only, and pass check", async () => {
  const folder = join(ROOT, "examples/cluster");
  const members = ["north", "south", "west"];
  const shared = members.map((member) => {
    const file = join(folder, `${member}.json`);
    const { data, web, cluster, ...rest } = JSON.parse(readFileSync(file, "utf8"));
    expect(cluster.member).toBe(member);
    return { ...rest, cluster: { ...cluster, member: "" } };
  });
  expect(shared[1]).toEqual(shared[0]);
  expect(shared[2]).toEqual(shared[0]);
  for (const member of members)
    expect(
      await cli(["check", "--config", join(folder, `${member}.json`)], { CHARGEPOINT_PASSWORD: "simulated" }),
    ).toMatchObject({
      code: 0,
      stdout: "no problems found\n",
    });
});
