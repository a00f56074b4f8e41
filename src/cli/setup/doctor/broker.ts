import { createServer } from "node:net";
import { type DataFolderInUseError, DataLock } from "../../../devices/index.ts";
import { messageOf } from "../../../log/log.ts";
import { type Check, callBridge, readBridgeStatus, selfTest } from "../../../mqtt/index.ts";
import { probed } from "../load.ts";
import type { Finding, Site, SiteCheck } from "./site.ts";

/** Checks of the self-test about a running bridge; {@link instance} covers them. */
const OF_BRIDGE = new Set(["bridge", "device_topics"]);

/** Login, version and rights at the broker, by the probes of the self-test. */
export const broker: SiteCheck = async (site) => {
  const check = "broker";
  const { settings, devices, timeoutMs, signal } = site;
  const missing = await site.brokerFault();
  if (missing) return [{ check, ...missing }];
  const found = await selfTest({
    ...{ broker: settings.mqtt, instance: settings.instance, timeoutMs, signal },
    devices: devices.map((device) => probed(device, settings)),
    requester: settings.actuator.requester,
  });
  const own = found.filter((one) => !OF_BRIDGE.has(one.check));
  const well = own.filter(({ outcome }) => outcome === "ok");
  const ill = own.filter(({ outcome }) => outcome !== "ok").map(findingOf);
  if (well.length === 0) return ill;
  const names = well.map((one) => (one.check === "version" ? one.text : one.check.replaceAll("_", " ")));
  return [{ check, outcome: "ok", text: `tested and well: ${names.join(", ")}` }, ...ill];
};

function findingOf({ check, outcome, text }: Check): Finding {
  return {
    check: "broker",
    outcome: outcome === "failed" ? "failed" : "warning",
    text: `${check.replaceAll("_", " ")}: ${text}`,
  };
}

/** See {@link Site.brokerFault}. */
export async function brokerFault(site: Site): ReturnType<Site["brokerFault"]> {
  const { url, embedded } = site.settings.mqtt;
  if (!embedded) {
    const { isReached } = await site.reach(new URL(url));
    return isReached
      ? undefined
      : {
          outcome: "skipped",
          text: "not checked, because the broker cannot be reached (see dns, tcp and tls)",
        };
  }
  const { host, port } = embedded;
  const fault = await listenFault(host, port);
  if (fault === undefined)
    return {
      outcome: "ok",
      text: `the broker is part of the bridge, which does not run; port ${port} of ${host} is free for it`,
    };
  if (fault === "EADDRINUSE") return undefined;
  return {
    outcome: "failed",
    text: `the broker inside the bridge cannot listen on port ${port} of ${host} (${fault})`,
    remedy:
      "set mqtt.embedded.host to an address of this machine, and mqtt.embedded.port to a port above 1023",
  };
}

function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Whether a bridge of this name or of this data folder runs, here or elsewhere, and what it says of itself. */
export const instance: SiteCheck = async (site) => {
  const check = "bridge";
  const { settings, timeoutMs, signal } = site;
  const user = DataLock.conflict(settings.data);
  const folder = user?.pid === undefined ? "another process uses" : `process ${user.pid} uses`;
  const name = `"${settings.instance}"`;
  const none: Finding = user
    ? {
        ...{ check, outcome: "warning" },
        text: `${folder} the data folder ${settings.data}, and no bridge ${name} is online at the broker`,
        remedy: "if that process is a bridge, look at its log; another one cannot use the folder meanwhile",
      }
    : { check, outcome: "ok", text: `no bridge ${name} runs` };
  const missing = await site.brokerFault();
  if (missing) {
    if (missing.outcome === "skipped")
      return [
        {
          ...{ check, outcome: "skipped" },
          text: `not checked, because the broker cannot be reached${user ? `; ${folder} the data folder` : ""}`,
        },
      ];
    return [none];
  }
  const status = await readBridgeStatus(settings.mqtt, {
    instance: settings.instance,
    timeoutMs,
    signal,
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    return messageOf(error);
  });
  if (typeof status === "string")
    return [
      { check, outcome: "skipped", text: "not checked, because the broker cannot be used (see broker)" },
    ];
  if (status.find((one) => one.instance === settings.instance)?.state !== "online") return [none];
  const health = await callBridge(
    "get_health",
    {},
    { broker: settings.mqtt, instance: settings.instance, timeoutMs, signal },
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    return messageOf(error);
  });
  if (typeof health === "string")
    return [
      {
        ...{ check, outcome: "warning" },
        text: `a bridge ${name} is online by its retained message, and does not answer: ${health}`,
        remedy: '"voltbridge status" shows its last words; if it hangs, restart it',
      },
    ];
  return running(check, site, health as Record<string, unknown>, user);
};

function running(
  check: string,
  { settings }: Site,
  health: Record<string, unknown>,
  user: DataFolderInUseError | undefined,
): Finding[] {
  const name = `"${settings.instance}"`;
  const { others = {} } = (health.instance ?? {}) as { others?: Record<string, string> };
  const found: Finding[] = [];
  const twins = Object.keys(others);
  const isStandby = twins.some((twin) => twin.startsWith(`process ${user?.pid} on `));
  if (twins.length > 0 && !isStandby)
    found.push({
      ...{ check, outcome: "warning" },
      text: `further bridges with the name ${name} run at this broker and only read: ${twins.join(", ")}`,
      remedy: 'stop them, or give each another "instance"',
    });
  const ill = Object.entries((health.selfTest ?? {}) as Record<string, unknown>).filter(
    ([, said]) => typeof said === "string" && said.startsWith("failed"),
  );
  for (const [what, said] of ill)
    found.push({ check, outcome: "failed", text: `the running bridge ${name} reports: ${what} ${said}` });
  if (isStandby)
    found.push({
      ...{ check, outcome: "failed" },
      text: `the bridge of the data folder ${settings.data} only reads, because another bridge ${name} is in charge`,
      remedy: 'set another "instance" in the bridge config, or stop the other bridge',
    });
  else if (!user)
    found.push({
      ...{ check, outcome: "failed" },
      text: `another bridge ${name} is online at this broker and does not use the data folder ${settings.data}; one that starts here would only read`,
      remedy: 'set another "instance" in the bridge config, or stop the other bridge',
    });
  else
    found.push({
      check,
      outcome: "ok",
      text: `bridge ${name} is running with this data folder: ${String(health.status)}`,
    });
  return found;
}
