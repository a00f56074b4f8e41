import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { hasChromium } from "./helpers/browser.ts";
import { etcdInstalled } from "./helpers/etcd.ts";
import { hasFaketime } from "./helpers/faketime.ts";
import { findProgram } from "./helpers/mosquitto.ts";
import { hasAnalyze, hasNotify } from "./helpers/notify-socket.ts";
import { hasPostgres } from "./helpers/postgres-programs.ts";
import { prometheusInstalled } from "./helpers/prometheus.ts";
import { hasJinja, hasPaho, hasProtobuf, hasZeep } from "./helpers/python.ts";
import { victoriaMetricsInstalled } from "./helpers/victoria-metrics.ts";
import { hasXmllint } from "./helpers/xmllint.ts";

/** Debian packages that tests need, and how to see that each is there. */
const NEEDED: Readonly<Record<string, () => boolean>> = {
  "chromium-headless-shell": hasChromium,
  debootstrap: () => findProgram("debootstrap") !== undefined,
  "etcd-server": () => etcdInstalled(),
  influxdb: () => findProgram("influxd") !== undefined,
  libfaketime: hasFaketime,
  "libxml2-utils": hasXmllint,
  mosquitto: () => findProgram("mosquitto") !== undefined,
  "mosquitto-clients": () => findProgram("mosquitto_pub") !== undefined,
  openssl: () => findProgram("openssl") !== undefined,
  postgresql: hasPostgres,
  prometheus: () => prometheusInstalled,
  "protobuf-compiler": () => findProgram("protoc") !== undefined,
  "python3-jinja2": hasJinja,
  "python3-paho-mqtt": hasPaho,
  "python3-protobuf": hasProtobuf,
  "python3-zeep": hasZeep,
  strace: () => findProgram("strace") !== undefined,
  systemd: () => hasNotify() && hasAnalyze(),
  "victoria-metrics": () => victoriaMetricsInstalled,
};

/** Once before all tests: sees to it that the packages of {@link NEEDED} are there, and sets the processes that they run in up. */
export default async function setup(): Promise<void> {
  // As bin/voltbridge does: a thread or process that a test starts then loads the program in half the time.
  if (process.env.NODE_DISABLE_COMPILE_CACHE === undefined)
    process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../node_modules/.cache/node", import.meta.url));
  // The bridge serves the page from the folder that the build writes.
  await build({ configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)), logLevel: "warn" });
  if (missing().length === 0) return;
  if (process.platform === "linux" && process.getuid?.() === 0 && findProgram("apt-get")) install(missing());
  const gone = missing();
  if (gone.length === 0) return;
  const text = `tests need the Debian packages ${gone.join(", ")}: apt-get install ${gone.join(" ")}`;
  if (process.env.CI) throw new Error(text);
  process.stderr.write(`\n*** ${text}\n*** Tests that need them are SKIPPED.\n\n`);
}

function missing(): string[] {
  return Object.keys(NEEDED).filter((name) => !NEEDED[name]!());
}

function install(packages: string[]): void {
  const apt = (...args: string[]): void => {
    execFileSync("apt-get", args, {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 180_000,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  };
  const add = (): void => apt("install", "-y", "-q", "--no-install-recommends", ...packages);
  try {
    try {
      add();
    } catch {
      // The lists of packages may be missing (fresh containers) or old.
      apt("update", "-q");
      add();
    }
  } catch (error) {
    process.stderr.write(`apt-get could not install ${packages.join(", ")}: ${(error as Error).message}\n`);
  }
}
