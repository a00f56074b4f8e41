/** Names of the store's tables, quoted and qualified for SQL. */
export interface Tables {
  readonly schema: string;
  /** Table with one row: the schema version, and `epoch`, which changes whenever ids of topics become invalid. */
  readonly store: string;
  readonly topic: string;
  readonly sample: string;
  readonly history: string;
  readonly station: string;
  readonly newEpoch: string;
  /** Name of an index, which has no schema. */
  readonly topicName: string;
}

/** `schema` and `prefix` are letters, digits and `_`. */
export function tablesOf(schema: string, prefix: string): Tables {
  const named = (name: string): string => `"${schema}"."${prefix}${name}"`;
  return {
    schema: `"${schema}"`,
    store: named("store"),
    topic: named("topic"),
    sample: named("sample"),
    history: named("history"),
    station: named("station"),
    newEpoch: named("new_epoch"),
    topicName: `"${prefix}topic_name"`,
  };
}

/** SQL for a time in microseconds since 1970; exact since PostgreSQL 14, where epochs are numeric. */
export const MICROSECONDS = "(extract(epoch FROM time) * 1000000)::bigint";

/** Returns SQL for the time of an expression in microseconds since 1970. */
export function timeOfMicroseconds(expression: string): string {
  return `'epoch'::timestamptz + (${expression}) * '1 microsecond'::interval`;
}
