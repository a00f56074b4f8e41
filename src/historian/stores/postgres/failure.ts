import { postgresFailure, sqlState } from "../../../storage/postgres.ts";
import { HistorianError } from "../../errors.ts";

/** Names the connection settings in messages. */
export const SETTING = "historian.connection";

const NO_HISTORY = "there is no history in it yet; voltbridge run makes it";
const WORDS: Readonly<Record<string, string>> = {
  "3F000": NO_HISTORY,
  "42703": "a table is not as it was made",
  "42P01": NO_HISTORY,
  "42P07": "a table of that name is there and is not ours; set $.schema or table_prefix",
};

/**
 * Whether the server refused a value itself: data exceptions (22), constraints (23), program limits (54), and a
 * trigger's own refusal (P0001). Another try with the same value fails again.
 */
export function isBadValue(error: unknown): boolean {
  return /^(22|23|54|P0001)/.test(sqlState(error) ?? "");
}

/** Whether the tables are not there, or not as they were made. */
export function isMissing(error: unknown): boolean {
  return ["3F000", "42P01", "42703"].includes(sqlState(error) ?? "");
}

/** What went wrong at a server, told apart by its SQLSTATE or by Node's code. Errors of ours pass as they are. */
export function historianError(error: unknown, place: string): HistorianError {
  if (error instanceof HistorianError) return error;
  const { why, curable } = postgresFailure(error, SETTING, WORDS);
  return new HistorianError(curable ? "retry" : "give_up", `${place}: ${why}`, { cause: error });
}
