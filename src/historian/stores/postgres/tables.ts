/** The names of the store's tables, quoted and with their schema: ready to stand in SQL. */
export interface Tables {
  readonly schema: string;
  /** One row: version of the schema, and `epoch`, which changes whenever ids of topics lose their meaning. */
  readonly store: string;
  readonly topic: string;
  readonly sample: string;
  readonly history: string;
  readonly newEpoch: string;
  /** An index's name stands without its schema. */
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
    newEpoch: named("new_epoch"),
    topicName: `"${prefix}topic_name"`,
  };
}

/** Microseconds since 1970 of a time of the table; exact since PostgreSQL 14, where epochs are numeric. */
export const MICROSECONDS = "(extract(epoch FROM time) * 1000000)::bigint";

/** The time of an expression of microseconds since 1970. */
export function timeOfMicroseconds(expression: string): string {
  return `'epoch'::timestamptz + (${expression}) * '1 microsecond'::interval`;
}
