import { execFile } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectAsync } from "mqtt";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { cli, RunningCli } from "./cli/in-process.ts";
import { Workplace } from "./cli/workplace.ts";
import { dockerIgnore, readDockerfile } from "./helpers/dockerfile.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "./helpers/mosquitto.ts";
import { prometheusInstalled, promtool } from "./helpers/prometheus.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const place = new Workplace();
afterAll(() => place.remove());

describe("Dockerfile", () => {
  const stages = readDockerfile(text("Dockerfile"));
  const isIgnored = dockerIgnore(text(".dockerignore"));

  test("is based on the Node that the project is developed with, by its whole version", () => {
    const lock = JSON.parse(text("package-lock.json")) as { packages: Record<string, { version: string }> };
    const { version } = lock.packages["node_modules/node"]!;
    expect(stages.map(({ base }) => base)).toEqual([`node:${version}-slim`, `node:${version}-slim`]);
  });

  test("copies what there is once it is built, and no configs", () => {
    const copied = stages
      .at(-1)!
      .instructions.flatMap(({ verb, args }) =>
        verb === "COPY" ? [args.match(/^--from=build \/build\/(\S+) /)![1]!] : [],
      );
    expect(copied.filter((path) => path !== "dist" && !existsSync(join(ROOT, path)))).toEqual([]);
    const made = ["dist", "node_modules"];
    expect(copied.filter((path) => isIgnored(path) && !made.includes(path))).toEqual([]);
    expect(copied).not.toContain("configs");
  });

  test.each([
    ...["configs/bridge.json", "data/state.sqlite", "secrets/password", "registry/.env.site", "src/key.pem"],
    ...["node_modules/mqtt/package.json", ".git/config", "deploy/compose.yaml"],
  ])("%s stays out of the image", (path) => {
    expect(isIgnored(path)).toBe(true);
  });
});

interface Service {
  readonly image: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, { ipam: { config: { gateway: string }[] } }>>;
}

describe("deploy/compose.yaml", () => {
  const file = "deploy/compose.yaml";
  const compose = parse(text(file), { merge: true }) as Compose;
  const { services } = compose;
  const mounts = Object.entries(services).flatMap(([service, { volumes = [] }]) =>
    volumes.map((volume) => {
      const [source, target] = volume.split(":") as [string, string];
      return { service, source, target };
    }),
  );
  const fileAt = (service: string, target: string) => {
    const mount = mounts.find((one) => one.service === service && one.target === target);
    expect(mount, `${service} mounts nothing at ${target}`).toBeDefined();
    return resolve(ROOT, dirname(file), mount!.source);
  };

  test("has broker, bridge, store, Prometheus and Grafana, each by the version of its image", () => {
    expect(Object.keys(services).sort()).toEqual([
      ...["bridge", "grafana", "mosquitto", "prometheus", "timescaledb"],
    ]);
    const images = Object.values(services).map(({ image }) => image);
    expect(
      images.filter((image) => image !== "voltbridge" && !/:v?\d+\.\d+\.\d+(-\w+)?$/.test(image)),
    ).toEqual([]);
  });

  test("mounts files and folders that exist, and volumes that it names", () => {
    const isPath = (source: string) => /^\.{1,2}\//.test(source);
    const missing = mounts.filter(({ source }) =>
      isPath(source) ? !existsSync(resolve(ROOT, dirname(file), source)) : !(source in compose.volumes),
    );
    expect(missing).toEqual([]);
    const reader = fileAt("timescaledb", "/docker-entrypoint-initdb.d/100-reader.sh");
    expect(statSync(reader).mode & 0o111).toBe(0o111);
  });

  test("publishes ports on this machine only", () => {
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(ports.length).toBeGreaterThan(3);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  });

  test("needs the variables of env.example", () => {
    const used = new Set([...text(file).matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1]!));
    const named = [...text("deploy/compose/env.example").matchAll(/^(\w+)=/gm)].map((match) => match[1]!);
    expect(named.sort()).toEqual([...used].sort());
  });

  test("its configs pass check", async () => {
    const folder = place.at("compose");
    cpSync(fileAt("bridge", "/voltbridge/configs"), join(folder, "configs"), { recursive: true });
    cpSync(fileAt("bridge", "/voltbridge/registry"), join(folder, "registry"), { recursive: true });
    const env = { MQTT_PASSWORD: "one", POSTGRES_PASSWORD: "two", WEB_PASSWORD: "three and more" };
    const { code, stdout } = await cli(["check", "--config", join(folder, "configs/bridge.json")], env);
    // Between containers of one machine nothing is encrypted.
    expect([...stdout.matchAll(/(error|warning) \[(\w+)\]/g)].map((match) => match[2])).toEqual([
      ...["sent_in_clear", "sent_in_clear", "sent_in_clear"],
    ]);
    expect(code).toBe(0);
  });

  test("its bridge knows services and gateway by their names", () => {
    const settings = text("deploy/compose/configs/bridge.json");
    for (const part of ["mqtt://mosquitto:1883", `"host": "timescaledb"`]) expect(settings).toContain(part);
    const { gateway } = compose.networks.voltbridge!.ipam.config[0]!;
    expect(settings).toContain(`"addresses": ["${gateway}"]`);
    expect(text("deploy/compose/prometheus.yml")).toContain('targets: ["bridge:9464"]');
    expect(settings).toContain(`"port": 9464`);
  });

  test("Grafana's data sources are servers of it", () => {
    const { datasources } = parse(
      readFileSync(fileAt("grafana", "/etc/grafana/provisioning/datasources/voltbridge.yaml"), "utf8"),
    ) as { datasources: { url: string }[] };
    const hosts = datasources.map(({ url }) => url.replace(/^http:\/\//, "").split(":")[0]!);
    expect(hosts).toEqual(["prometheus", "timescaledb"]);
    expect(hosts.filter((host) => !(host in services))).toEqual([]);
  });

  test("Grafana's dashboards have their data sources, and are where its provider looks for them", () => {
    const at = (path: string) => readFileSync(fileAt("grafana", `/etc/grafana/provisioning/${path}`), "utf8");
    const { providers } = parse(at("dashboards/voltbridge.yaml")) as {
      providers: { options: { path: string } }[];
    };
    const folder = providers[0]!.options.path;
    const { datasources } = parse(at("datasources/voltbridge.yaml")) as { datasources: { type: string }[] };
    const types = datasources.map(({ type }) => type);
    const found = mounts.filter(
      ({ service, target }) => service === "grafana" && target.startsWith(`${folder}/`),
    );
    expect(found).toHaveLength(2);
    const uids = new Set<string>();
    for (const { source } of found) {
      const own = resolve(ROOT, dirname(file), source);
      const files = readdirSync(own);
      expect(files).toHaveLength(5);
      for (const name of files) {
        const { uid, templating } = JSON.parse(readFileSync(join(own, name), "utf8"));
        expect(types).toContain(templating.list[0].query);
        expect(uids).not.toContain(uid);
        uids.add(uid);
      }
    }
  });

  test.skipIf(!prometheusInstalled)("Prometheus takes its config and rules", async () => {
    const folder = place.at("prometheus");
    mkdirSync(folder, { recursive: true });
    for (const { source, target } of mounts.filter((one) => one.target.startsWith("/etc/prometheus/")))
      copyFileSync(resolve(ROOT, dirname(file), source), join(folder, basename(target)));
    const printed = await promtool(["check", "config", join(folder, "prometheus.yml")]);
    expect(printed).toMatch(/SUCCESS: \d+ rules found/);
  });

  test.skipIf(!mosquittoInstalled)(
    "Mosquitto takes its config, and lets the bridge in and nobody else",
    async () => {
      const broker = await Mosquitto.prepare({ users: { bridge: "secret" } });
      onTestFinished(() => broker.dispose());
      const config = readFileSync(fileAt("mosquitto", "/mosquitto/config/mosquitto.conf"), "utf8")
        .replace("listener 1883", `listener ${broker.port} 127.0.0.1`)
        .replace("/tmp/passwords", join(broker.folder, "passwords"))
        .replace("/mosquitto/data/", `${broker.folder}/`);
      const user = process.getuid?.() === 0 ? "user root\n" : "";
      writeFileSync(join(broker.folder, "mosquitto.conf"), `${config}${user}`);
      await broker.start();
      const client = await connectAsync(broker.url, { username: "bridge", password: "secret" });
      await client.endAsync();
      await expect(connectAsync(broker.url, { reconnectPeriod: 0 }, false)).rejects.toThrow(
        /[Nn]ot authorized/,
      );
    },
  );
});

interface Manifest {
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: Kubernetes checks the shapes; the test names what it reads.
  readonly [field: string]: any;
}

describe("deploy/kubernetes/voltbridge.yaml", () => {
  const manifests = parseAllDocuments(text("deploy/kubernetes/voltbridge.yaml")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
  const only = (kind: string) => {
    const [found, ...more] = manifests.filter((one) => one.kind === kind);
    expect(more).toEqual([]);
    return found!;
  };
  const config = only("ConfigMap").data as Record<string, string>;
  const secrets = only("Secret").stringData as Record<string, string>;
  const set = only("StatefulSet").spec;
  const pod = set.template.spec;
  const [container] = pod.containers;

  test("every mount has its volume, and every volume what it names", () => {
    const volumes = [...pod.volumes, ...set.volumeClaimTemplates.map((one: Manifest) => one.metadata)];
    const mounted = container.volumeMounts.map(({ name }: { name: string }) => name);
    expect(mounted.toSorted()).toEqual(volumes.map(({ name }: { name: string }) => name).sort());
    const named = (name: string) => pod.volumes.find((one: { name: string }) => one.name === name);
    expect(named("configs").configMap.name).toBe(only("ConfigMap").metadata.name);
    expect(named("secrets").secret.secretName).toBe(only("Secret").metadata.name);
    const items = named("configs").configMap.items.map(({ key }: { key: string }) => key);
    expect(items.toSorted()).toEqual(Object.keys(config).sort());
  });

  test("one pod, not root, read-only but for its volumes", () => {
    expect(set.replicas).toBe(1);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    expect(container.securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
  });

  test("its configs pass check, with the secrets that they name", async () => {
    const folder = place.at("kubernetes");
    cpSync(join(ROOT, "registry"), join(folder, "registry"), { recursive: true });
    const directory = join(folder, "secrets");
    for (const [name, value] of Object.entries(secrets)) place.write(`kubernetes/secrets/${name}`, value);
    const { items } = pod.volumes.find((one: { name: string }) => one.name === "configs").configMap;
    for (const { key, path } of items as { key: string; path: string }[])
      place.write(
        `kubernetes/configs/${path}`,
        config[key]!.replaceAll("/run/secrets/voltbridge", directory),
      );
    expect(await cli(["check", "--config", join(folder, "configs/bridge.json")])).toMatchObject({
      code: 0,
      stdout: "no problems found\n",
    });
    const used = Object.values(config).flatMap((one) => [...one.matchAll(/voltbridge\/([\w-]+)" \}/g)]);
    expect(used.map((match) => match[1]!).sort()).toEqual(Object.keys(secrets).sort());
  });

  test("its probes ask the web server that the config opens", async () => {
    const ports = new Map<string, number>(
      container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [
        ...([name, containerPort] as const),
      ]),
    );
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(probes.map(({ httpGet }) => `${ports.get(httpGet.port)}${httpGet.path}`)).toEqual([
      ...["8080/healthz", "8080/healthz", "8080/readyz"],
    ]);
    // As the kubelet asks: from another address than loopback, without encryption, by the address of the pod.
    const port = await freePort();
    const web = JSON.parse(config["bridge.json"]!.replace(/^ *\/\/.*$/gm, "")).web;
    web.users[0].hash = secrets["web-admin-hash"];
    const bridge = await bridgeIn("probed", { web: { ...web, port } });
    const address =
      Object.values(networkInterfaces())
        .flatMap((list) => list ?? [])
        .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
    for (const path of ["healthz", "readyz"])
      await expect.poll(async () => (await fetch(`http://${address}:${port}/${path}`)).status).toBe(200);
    await bridge.stop();
  });
});

/** A running bridge of one fake device with these settings, its configs in a folder of the place. */
async function bridgeIn(folder: string, settings: object): Promise<RunningCli> {
  mkdirSync(place.at(folder), { recursive: true });
  cpSync(join(ROOT, "registry"), place.at(`${folder}/registry`), { recursive: true });
  place.write(
    `${folder}/configs/devices/charger.json`,
    text("deploy/compose/configs/devices/example/charger.json"),
  );
  const mqtt = { embedded: { port: await freePort() } };
  place.write(`${folder}/configs/bridge.json`, { mqtt, historian: { backend: "none" }, ...settings });
  const bridge = new RunningCli(["run", "--config", place.at(`${folder}/configs/bridge.json`)]);
  await bridge.printed(/running devices=1/);
  return bridge;
}

describe("deploy/container/health.mjs", () => {
  const health = async (cwd: string, url: string) => {
    const file = join(ROOT, "deploy/container/health.mjs");
    const env = { ...process.env, VOLTBRIDGE_READY_URL: url };
    return await promisify(execFile)(process.execPath, [file], { cwd, env }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  };

  test("is 0 where /readyz answers 200, else 1", async () => {
    let status = 200;
    const server = createServer((_, response) => response.writeHead(status).end(`{"status":"${status}"}\n`));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
    expect(await health(place.folder, url)).toEqual({ code: 0, stdout: '{"status":"200"}\n' });
    status = 503;
    expect(await health(place.folder, url)).toEqual({ code: 1, stdout: '{"status":"503"}\n' });
  });

  test("asks over MQTT where no web server answers", async () => {
    const bridge = await bridgeIn("asked", {});
    const closed = `http://127.0.0.1:${await freePort()}/readyz`;
    const { code, stdout } = await health(place.at("asked"), closed);
    expect({ code, state: JSON.parse(stdout)[0].state }).toEqual({ code: 0, state: "online" });
    await bridge.stop();
    expect(await health(place.at("asked"), closed)).toMatchObject({ code: 1 });
  });
});
