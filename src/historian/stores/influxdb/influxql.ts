import { HistorianError } from "../../errors.ts";
import { isMissing, judge, reasonOf, shortened } from "./answer.ts";
import type { InfluxHttp } from "./http.ts";
import type { Tag } from "./line.ts";
import type { InfluxTarget } from "./settings.ts";

/** Quotes any name of a database, policy, measurement, field or tag. */
export function identifier(name: string): string {
  return `"${escapeText(name).replaceAll('"', '\\"')}"`;
}

export function literal(text: string): string {
  return `'${escapeText(text).replaceAll("'", "\\'")}'`;
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Converts microseconds to InfluxQL's nanoseconds. */
export function timeLiteral(microseconds: number): string {
  return microseconds === 0 ? "0" : `${microseconds}000`;
}

/** Returns `WHERE …`, or an empty text without conditions. Tags with an empty value are absent from the series. */
export function where(tags: readonly Tag[], start?: number, end?: number): string {
  const conditions = tags.map(([name, value]) => `${identifier(name)} = ${literal(value)}`);
  if (start !== undefined) conditions.push(`time >= ${timeLiteral(start)}`);
  if (end !== undefined) conditions.push(`time < ${timeLiteral(end)}`);
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

/** A series of a response. Times are microseconds. */
export interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

/** The database or retention policy does not exist. */
export class MissingError extends HistorianError {}

/**
 * Runs an InfluxQL query at `/query`, which versions 2 and 3 have too (2: a DBRP mapping must map the name to the bucket). Uses our
 * own HTTP and not the client library, which can wait forever for a response and returns times as objects.
 */
export async function runQuery(
  http: InfluxHttp,
  { url, database }: InfluxTarget,
  text: string,
  signal?: AbortSignal,
): Promise<readonly Series[]> {
  const answer = await http.post(
    {
      path: "/query",
      query: { db: database, epoch: "u" },
      body: new URLSearchParams({ q: text }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    },
    signal,
  );
  if (answer.status !== 200) {
    const verdict = judge(answer, url);
    if (verdict.kind === "failed") throw verdict.error;
    const { text: reason = `HTTP ${answer.status}` } = reasonOf(answer.body);
    throw new HistorianError("give_up", `InfluxDB at ${url} rejects the query: ${shortened(reason)}`);
  }
  return seriesOf(answer.body, url);
}

interface QueryAnswer {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
}

function seriesOf(body: string, url: string): readonly Series[] {
  let answer: QueryAnswer;
  try {
    answer = JSON.parse(body) as QueryAnswer;
  } catch (error) {
    throw new HistorianError("retry", `InfluxDB at ${url}: the response is not JSON; check url`, {
      cause: error,
    });
  }
  const reason = answer.error ?? answer.results?.find(({ error }) => error !== undefined)?.error;
  if (isMissing(reason)) throw new MissingError("retry", `InfluxDB at ${url}: ${shortened(reason ?? "")}`);
  if (reason !== undefined)
    throw new HistorianError(
      /authoriz/.test(reason) ? "give_up" : "retry",
      `InfluxDB at ${url} cannot run the query: ${shortened(reason)}`,
    );
  return answer.results?.flatMap(({ series }) => series ?? []) ?? [];
}
