import type { Tag } from "./line.ts";

/** A name of a database, policy, measurement, field or tag. Whatever is in it, it stays one name. */
export function identifier(name: string): string {
  return `"${escapeText(name).replaceAll('"', '\\"')}"`;
}

export function literal(text: string): string {
  return `'${escapeText(text).replaceAll("'", "\\'")}'`;
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** A time of ours as InfluxQL takes it: whole nanoseconds. */
export function timeLiteral(microseconds: number): string {
  return microseconds === 0 ? "0" : `${microseconds}000`;
}

/** `WHERE …`, empty where there are no conditions. Tags with an empty value are absent from the series. */
export function where(tags: readonly Tag[], start?: number, end?: number): string {
  const conditions = tags.map(([name, value]) => `${identifier(name)} = ${literal(value)}`);
  if (start !== undefined) conditions.push(`time >= ${timeLiteral(start)}`);
  if (end !== undefined) conditions.push(`time < ${timeLiteral(end)}`);
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}
