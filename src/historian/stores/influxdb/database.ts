import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { InfluxDB } from "influx";
import type { Log } from "../../../log/log.ts";
import { untilAborted } from "../../../time/until-aborted.ts";
import { HistorianError } from "../../errors.ts";
import type { InfluxTarget } from "./settings.ts";

/** Retention policies in use. */
export interface Policies {
  /** Policy of the samples. Default: the database's default policy. */
  readonly samples?: string;
  /** Policy of the topics, which have time 0: one with infinite duration. */
  readonly topics?: string;
  /** Duration for which samples are kept, in microseconds; may be Infinity. */
  readonly keeps: number;
}

const NO_POLICIES: Policies = { keeps: Number.POSITIVE_INFINITY };
/** Created when no policy has infinite duration. */
const TOPICS_POLICY = "voltbridge_topics";
const UNITS: Readonly<Record<string, number>> = { h: 3600e6, m: 60e6, s: 1e6 };

interface Policy {
  readonly name: string;
  readonly duration: string;
  readonly default: boolean;
}

/**
 * Finds the database and its retention policies, and creates missing ones (`readonly`: throws instead). Only version 1 has policies
 * and can create a database by request: version 3 creates it with the first points, version 2 has buckets that a person creates.
 */
export async function prepareDatabase(
  target: InfluxTarget,
  { readonly, log }: { readonly readonly: boolean; readonly log: Log },
  signal?: AbortSignal,
): Promise<Policies> {
  if (target.version !== 1) return NO_POLICIES;
  return await withInflux(target, signal, async (influx) => {
    const { database, retentionPolicy } = target;
    if (!(await influx.getDatabaseNames()).includes(database)) {
      if (readonly)
        throw new HistorianError(
          "retry",
          `InfluxDB at ${target.url}: database "${database}" does not exist yet, or this user may not see it; start voltbridge run, which creates it`,
        );
      await influx.createDatabase(database);
      log.info("created the InfluxDB database", { database });
    }
    const policies = async (): Promise<Policy[]> => [...(await influx.showRetentionPolicies(database))];
    const make = async (name: string, duration: string): Promise<Policy> => {
      if (readonly)
        throw new HistorianError(
          "retry",
          `InfluxDB at ${target.url}: retention policy "${name}" does not exist yet; start voltbridge run, which creates it`,
        );
      await influx.createRetentionPolicy(name, { database, duration, replication: 1 });
      log.info("created a retention policy", { database, policy: name, duration });
      const made = (await policies()).find((policy) => policy.name === name);
      return made ?? { name, duration: "0s", default: false };
    };

    const known = await policies().catch((error: Error) => {
      // The user may only write.
      if (statusOf(error) === 403 && retentionPolicy === undefined) return undefined;
      throw error;
    });
    if (!known) return NO_POLICIES;
    const samples =
      known.find(({ name, default: isDefault }) =>
        retentionPolicy === undefined ? isDefault : name === retentionPolicy,
      ) ??
      (retentionPolicy === undefined ? undefined : await make(retentionPolicy, target.retentionDuration));
    const keeps = durationOf(samples?.duration ?? "0s");
    const topics =
      keeps === Number.POSITIVE_INFINITY
        ? samples
        : (known.find(({ duration }) => durationOf(duration) === Number.POSITIVE_INFINITY) ??
          (await make(TOPICS_POLICY, "INF")));
    return {
      keeps,
      ...(samples ? { samples: samples.name } : {}),
      ...(topics ? { topics: topics.name } : {}),
    };
  });
}

/** Converts `168h0m0s` to microseconds; `0s` is infinite. */
function durationOf(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([hms])/g))
    sum += Number(count) * (UNITS[unit ?? ""] ?? 0);
  return sum === 0 ? Number.POSITIVE_INFINITY : sum;
}

/**
 * Runs calls of the client library with one deadline for all of them. The library itself waits forever for a truncated or stalled
 * response, and rejects calls for seconds after one failure; each run therefore has its own client and connections.
 */
async function withInflux<T>(
  target: InfluxTarget,
  signal: AbortSignal | undefined,
  run: (influx: InfluxDB) => Promise<T>,
): Promise<T> {
  const url = new URL(target.url);
  const secure = url.protocol === "https:";
  const agent = secure ? new HttpsAgent() : new HttpAgent();
  // Not loaded for other stores.
  const { InfluxDB } = await import("influx");
  const influx = new InfluxDB({
    host: url.hostname,
    port: Number(url.port) || (secure ? 443 : 80),
    path: url.pathname === "/" ? "" : url.pathname,
    protocol: secure ? "https" : "http",
    username: target.username,
    password: target.password,
    database: target.database,
    options: { agent },
    pool: { maxRetries: 0, requestTimeout: target.timeoutMs },
  });
  const deadline = AbortSignal.timeout(target.timeoutMs);
  const ended = signal ? AbortSignal.any([signal, deadline]) : deadline;
  try {
    return await untilAborted(run(influx), ended);
  } catch (error) {
    const late = `no complete response within ${target.timeoutMs / 1000} s`;
    const why = signal?.aborted ? "the request was aborted" : late;
    throw historianError(error === ended.reason ? new Error(why) : (error as Error), target);
  } finally {
    agent.destroy();
  }
}

function statusOf(error: Error & { readonly res?: { readonly statusCode?: number } }): number {
  return error.res?.statusCode ?? 0;
}

/** Only rejected credentials and missing rights or paths need a person. The library's own error contains the password. */
function historianError(error: Error, target: InfluxTarget): HistorianError {
  if (error instanceof HistorianError) return error;
  const status = statusOf(error);
  const refused = status === 401 || status === 403 || /authoriz|admin privilege/.test(error.message);
  const hint = refused ? "check username, password and the user's rights: " : "";
  return new HistorianError(
    refused || status === 404 ? "give_up" : "retry",
    `InfluxDB at ${target.url}: ${hint}${error.message.trim()}`,
  );
}
