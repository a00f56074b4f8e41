import { postgresFailure, sqlState } from "../../../storage/postgres.ts";
import { HistorianError } from "../../errors.ts";

/** Name of the connection settings in messages. */
export const SETTING = "historian.connection";

const NO_HISTORY = "it contains no history yet; start voltbridge run, which creates it";
const MESSAGES: Readonly<Record<string, string>> = {
  "3F000": NO_HISTORY,
  "42703": "a table was altered",
  "42P01": NO_HISTORY,
  "42P07": "another program's table has that name; set $.schema or table_prefix",
};

/**
 * Returns whether the server rejected a value: data exceptions (22), constraints (23), program limits (54), and a trigger's exception
 * (P0001). A retry with the same value fails again.
 */
export function isBadValue(error: unknown): boolean {
  return /^(22|23|54|P0001)/.test(sqlState(error) ?? "");
}

/** Returns whether tables are missing or altered. */
export function isMissing(error: unknown): boolean {
  return ["3F000", "42P01", "42703"].includes(sqlState(error) ?? "");
}

/** Converts a server's or Node's error by its SQLSTATE or code. Returns a HistorianError unchanged. */
export function historianError(error: unknown, place: string): HistorianError {
  if (error instanceof HistorianError) return error;
  const { why, retryable } = postgresFailure(error, SETTING, MESSAGES);
  return new HistorianError(retryable ? "retry" : "give_up", `${place}: ${why}`, { cause: error });
}
