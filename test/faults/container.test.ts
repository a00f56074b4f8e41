import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startSimulator } from "../../src/simulator/index.ts";
import { Workplace } from "../cli/workplace.ts";
import { readDockerfile } from "../helpers/dockerfile.ts";
import { findProgram, freePort, Mosquitto } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { buildImage, Container, type Image } from "./container/image.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** Roots need root; debootstrap makes them out of Debian's packages. */
const canBuild = process.getuid?.() === 0 && findProgram("debootstrap") !== undefined;

describe.skipIf(!canBuild)("the image that the Dockerfile describes", () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-image-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let image: Image;
  beforeAll(() => {
    const context = { folder: ROOT, ignore: read(".dockerignore") };
    image = buildImage(readDockerfile(read("Dockerfile")), context, folder);
  }, 15 * 60_000);

  test("holds what runs, and neither configs nor what is for development", () => {
    const within = (path: string) => readdirSync(join(image.root, "voltbridge", path)).sort();
    expect(within(".")).toEqual([
      ...["bin", "configs", "data", "deploy", "dist", "node_modules", "package.json", "registry"],
    ]);
    expect(within("configs")).toEqual([]);
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const installed = new Set(within("node_modules"));
    expect(Object.keys(dependencies).filter((name) => !installed.has(name.split("/")[0]!))).toEqual([]);
    const unscoped = Object.keys(devDependencies).filter((name) => !name.startsWith("@"));
    expect(unscoped.filter((name) => installed.has(name))).toEqual([]);
    expect(image.volumes).toEqual(["/voltbridge/data", "/voltbridge/configs"]);
  });

  test("runs as its user with a read-only root, is healthy, stops in time, and goes on with its volume", async () => {
    const simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
    onTestFinished(() => simulator.close());
    const broker = await Mosquitto.run();
    onTestFinished(() => broker.dispose());
    const place = new Workplace();
    onTestFinished(() => place.remove());
    const port = await freePort();
    place.write("configs/bridge.json", {
      mqtt: { url: broker.url },
      web: { enabled: true, port },
      historian: { backend: "sqlite" },
    });
    place.write("configs/devices/garage/one.json", {
      driver_type: "chargepoint",
      driver_config: {
        stationID: simulator.stationIDs[0],
        username: `\${CHARGEPOINT_USERNAME}`,
        password: `\${CHARGEPOINT_PASSWORD}`,
        endpoint: simulator.endpoint,
      },
      registry_config: "config://chargepoint.csv",
      interval: 1,
    });
    // Docker gives a new volume the owner of the folder that the image has there; mounted configs have to be readable for it.
    const data = place.at("data");
    mkdirSync(data);
    const { uid, gid } = statSync(join(image.root, "voltbridge/data"));
    expect({ uid, gid }).toEqual({ uid: 1000, gid: 1000 });
    for (const path of ["", ...readdirSync(place.folder, { recursive: true })])
      chownSync(place.at(`${path}`), uid, gid);

    const start = () => {
      const container = new Container(image, {
        volumes: { "/voltbridge/data": data },
        readOnly: { "/voltbridge/configs": place.at("configs") },
        env: {
          CHARGEPOINT_USERNAME: simulator.username,
          CHARGEPOINT_PASSWORD: simulator.password,
          VOLTBRIDGE_READY_URL: `http://127.0.0.1:${port}/readyz`,
        },
      });
      onTestFinished(() => container.kill());
      return container;
    };
    const recorder = await Recorder.connect(broker.url);
    onTestFinished(() => recorder.client.endAsync(true));

    let container = start();
    await recorder.find("devices/garage/one/all").catch((error) => {
      throw new Error(`${error}\n${container.output}`);
    });
    await expect.poll(() => container.exec(image.health)).toMatchObject({ code: 0 });
    const status = readFileSync(`/proc/${container.pid}/status`, "utf8");
    for (const line of [/^Uid:\t1000\t1000\t1000\t1000$/m, /^CapBnd:\t0+$/m, /^NoNewPrivs:\t1$/m])
      expect(status).toMatch(line);
    for (const path of ["/voltbridge/dist/main.js", "/voltbridge/configs/bridge.json", "/etc/passwd"]) {
      const { code, output } = container.exec(["sh", "-c", `echo >> ${path}`]);
      expect({ path, code }).not.toEqual({ path, code: 0 });
      expect(output).toMatch(/Read-only file system|Permission denied/);
    }
    const began = performance.now();
    expect({ code: await container.stop(), log: container.output }).toMatchObject({ code: 0 });
    expect(performance.now() - began).toBeLessThan(10_000);
    const kept = readdirSync(data).sort();
    expect(kept).toContain("historian.sqlite");
    expect(kept.filter((name) => statSync(join(data, name)).uid !== uid)).toEqual([]);

    const before = recorder.messages.length;
    container = start();
    await recorder.find("devices/garage/one/all", ({ retained }) => !retained, before);
    const query = ["bin/voltbridge", "history", "query", "garage/one/Status_1", "--format", "json"];
    await expect
      .poll(() => container.exec(query))
      .toMatchObject({ code: 0, output: expect.stringMatching(/"AVAILABLE"/) });
    // Without its broker it is not ready, and goes on.
    await broker.kill();
    await expect.poll(() => container.exec(image.health).code).toBe(1);
    await broker.start();
    await expect.poll(() => container.exec(image.health).code).toBe(0);
    expect(await container.stop()).toBe(0);
  });
});
