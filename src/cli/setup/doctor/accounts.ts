import { Agent } from "undici";
import { exchange, HttpError } from "../../../net/http.ts";
import { isClockSet } from "../../../points/index.ts";
import { addressesOf, placeOf } from "./network.ts";
import type { Finding, SiteCheck } from "./site.ts";

/** Each account once: login, region, rights and plan. */
export const accounts: SiteCheck = async (site) => {
  const check = "account";
  if (site.accounts.length === 0) {
    const text = site.devices.length > 0 ? "the devices need none" : "no device config can be used";
    return [{ check, outcome: site.devices.length > 0 ? "ok" : "skipped", text }];
  }
  const found = await Promise.all(
    site.accounts.map(async (account): Promise<Finding[]> => {
      const label = `${account.label}: `;
      const url = new URL(account.service);
      const { isReached } = await site.reach(url);
      if (!isReached)
        return [
          {
            check,
            outcome: "skipped",
            text: `${label}not checked, because ${placeOf(url)} cannot be reached`,
          },
        ];
      const findings = await account.test(site.timeoutMs, site.signal);
      return findings.map((finding) => ({ check, ...finding, text: label + finding.text }));
    }),
  );
  return found.flat();
};

/** Maximum size of an answer that is read for its date, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Offset of the clock above which a warning is given, and above which the check fails, in seconds. */
const SOME_SECONDS = 5;
const MANY_SECONDS = 60;

/** This machine's clock, compared with that of a service. */
export const clock: SiteCheck = async (site) => {
  const check = "clock";
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const remedy = "run a time service (NTP): systemd-timesyncd or chrony";
  if (!isClockSet(new Date()))
    return [
      {
        check,
        outcome: "failed",
        text: `the clock is not set: it shows ${new Date().toISOString()}`,
        remedy,
      },
    ];
  const services = addressesOf(site).filter(({ protocol }) => /^https?:$/.test(protocol));
  for (const url of services) {
    if (!(await site.reach(url)).isOpen) continue;
    const offset = await offsetFrom(url, AbortSignal.any([site.signal, AbortSignal.timeout(site.timeoutMs)]));
    site.signal.throwIfAborted();
    if (offset === undefined) continue;
    const seconds = Math.abs(Math.round(offset));
    const text = `${seconds} s ${offset < 0 ? "behind" : "ahead of"} ${placeOf(url)}, time zone ${zone}`;
    if (seconds <= SOME_SECONDS)
      return [{ check, outcome: "ok", text: `as ${placeOf(url)}, time zone ${zone}` }];
    return [{ check, outcome: seconds <= MANY_SECONDS ? "warning" : "failed", text, remedy }];
  }
  return [
    {
      check,
      outcome: "ok",
      text: `${new Date().toISOString()}, not compared: no service of an account answers; time zone ${zone}`,
    },
  ];
};

/** Returns the seconds by which this clock is ahead of a server's `Date`; undefined where it sends none. */
async function offsetFrom({ origin }: URL, signal: AbortSignal): Promise<number | undefined> {
  // A wrong clock makes certificates invalid. Nothing secret is sent.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const began = Date.now();
    const { headers } = await exchange(agent, {
      ...{ method: "GET", url: new URL("/", origin), headers: { "user-agent": "voltbridge" } },
      ...{ signal, maxBytes: MOST_BYTES },
    });
    const middle = (began + Date.now()) / 2;
    // The header has whole seconds: half of one is added.
    const theirs = Date.parse(String(headers.date)) + 500;
    return Number.isNaN(theirs) ? undefined : (middle - theirs) / 1000;
  } catch (error) {
    if (error instanceof HttpError) return undefined;
    throw error;
  } finally {
    await agent.destroy();
  }
}

const PROXIES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/** Proxies of the environment, which voltbridge does not use. Their addresses may hold passwords and are not printed. */
export const proxy: SiteCheck = async (site) => {
  const check = "proxy";
  const set = PROXIES.filter((name) => site.env[name]);
  if (set.length === 0) return [{ check, outcome: "ok", text: "the environment names none" }];
  const urls = addressesOf(site);
  const reached = await Promise.all(urls.map(async (url) => (await site.reach(url)).isOpen));
  const blocked = urls.filter((_, i) => !reached[i]).map(placeOf);
  const text = `${set.join(", ")} set, and not used: voltbridge connects directly`;
  return blocked.length === 0
    ? [{ check, outcome: "ok", text }]
    : [
        {
          ...{ check, outcome: "warning", text },
          remedy: `let this machine connect to ${blocked.join(", ")} without a proxy`,
        },
      ];
};
