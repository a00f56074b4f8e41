import { HistorianError, type HistorianErrorKind } from "../../errors.ts";

type Verdict = readonly [kind: Exclude<HistorianErrorKind, "reject">, advice: string];

/** SQLSTATE, or the first two characters of its class, to what can be done about it. The longer one goes first. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  "08": ["retry", "the connection broke"],
  "0A": ["retry", "the server does not support this"],
  "25006": ["retry", "the server takes no writes at present (a standby?)"],
  "28": [
    "give_up",
    "the server refuses the login; check historian.connection.user and password, and pg_hba.conf",
  ],
  "3D000": [
    "give_up",
    "the database does not exist; make it (CREATE DATABASE), or name another in historian.connection",
  ],
  "3F000": ["retry", "there is no history in it yet; voltbridge run makes it"],
  "40001": ["retry", "another writer was in the way"],
  "40P01": ["retry", "another writer was in the way"],
  "42501": ["give_up", "the user may not do that; GRANT it, or name another user in historian.connection"],
  "42703": ["retry", "a table is not as it was made"],
  "42P01": ["retry", "there is no history in it yet; voltbridge run makes it"],
  "42P07": [
    "give_up",
    "a table of that name is there and is not ours; set historian.connection.schema or table_prefix",
  ],
  "53100": ["retry", "the server's disk is full; make room"],
  "53200": ["retry", "the server is out of memory"],
  "53300": ["retry", "the server has no connection left; raise its max_connections"],
  "53": ["retry", "the server is short of something"],
  "55": ["retry", "something else holds what is needed"],
  "57014": ["retry", "it took longer than historian.connection.timeout"],
  "57P01": ["retry", "the server is being stopped"],
  "57P02": ["retry", "the server crashed"],
  "57P03": ["retry", "the server is starting or stopping"],
  "57P04": ["retry", "the database was dropped"],
  "58": ["retry", "the server's disk failed to read or write; check it"],
  F0: ["give_up", "the server's configuration is broken"],
  XX001: ["give_up", "a table is damaged; restore it from a backup"],
  XX002: ["give_up", "an index is damaged; REINDEX it"],
};

/** Codes of Node and OpenSSL that no other try can cure. */
const TLS_FAULT = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY|DECODE)_)/;
const NO_TLS = "The server does not support SSL connections";

interface Fault {
  readonly code?: string;
  readonly message?: string;
}

/** SQLSTATE of an error of the server; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as Fault & { severity?: string };
  return severity !== undefined && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

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
  const [kind, advice] = verdict(error);
  const said = String((error as Fault | undefined)?.message || (error as Fault | undefined)?.code || error);
  const text = advice === undefined ? said : `${advice} (${said})`;
  return new HistorianError(kind, `${place}: ${text}`, { cause: error });
}

function verdict(error: unknown): readonly [kind: Verdict[0], advice?: string] {
  const state = sqlState(error);
  if (state) return VERDICTS[state] ?? VERDICTS[state.slice(0, 2)] ?? ["retry"];
  const { code = "", message = "" } = (error ?? {}) as Fault;
  if (TLS_FAULT.test(code))
    return ["give_up", "its certificate is not trusted; check historian.connection.ca"];
  if (message === NO_TLS) return ["give_up", "it does not encrypt; check historian.connection.ssl"];
  return ["retry"];
}
