import { describe, expect, it } from "vitest";
import { HistorianError } from "../../../../src/historian/errors.ts";
import { historianError, isBadValue } from "../../../../src/historian/stores/postgres/failure.ts";

/** An error as the server sends it. */
function fromServer(code: string): Error {
  return Object.assign(new Error(`text of ${code}`), { code, severity: "ERROR" });
}

function fromNode(code: string, message = `text of ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe("failures of PostgreSQL", () => {
  it.each<[string, string, string, string]>([
    ["08006", "connection failure", "retry", "connection broke"],
    ["25006", "read-only transaction", "retry", "standby"],
    ["28000", "login refused", "give_up", "pg_hba.conf"],
    ["28P01", "wrong password", "give_up", "historian.connection.user and password"],
    ["3D000", "database missing", "give_up", "CREATE DATABASE"],
    ["3F000", "schema missing", "retry", "contains no history yet"],
    ["40001", "serialization failure", "retry", "a concurrent transaction was in conflict"],
    ["40P01", "deadlock", "retry", "a concurrent transaction was in conflict"],
    ["42501", "no right", "give_up", "GRANT"],
    ["42P01", "table missing", "retry", "contains no history yet"],
    ["42P07", "table of somebody else", "give_up", "table_prefix"],
    ["53000", "short of something", "retry", "lacks resources"],
    ["53100", "disk full", "retry", "disk is full"],
    ["53200", "out of memory", "retry", "out of memory"],
    ["53300", "too many connections", "retry", "max_connections"],
    ["55P03", "lock not available", "retry", "in use or locked"],
    ["57014", "statement timeout", "retry", "historian.connection.timeout"],
    ["57P01", "being stopped", "retry", "the server is stopping"],
    ["57P03", "starting", "retry", "starting or stopping"],
    ["58030", "disk fault", "retry", "disk failed"],
    ["XX001", "damaged table", "give_up", "backup"],
    ["XX000", "internal error", "retry", "text of XX000"],
    ["99999", "unknown state", "retry", "text of 99999"],
  ])("A12: %s, %s: %s", (code, _, kind, advice) => {
    const error = historianError(fromServer(code), "history database d at h:1");
    expect(error).toMatchObject({ name: "HistorianError", kind });
    expect(error.message).toMatch(/^history database d at h:1: /);
    expect(error.message).toContain(advice);
    expect(error.message).toContain(`text of ${code}`);
  });

  it.each<[string, string]>([
    ["ECONNREFUSED", "retry"],
    ["ECONNRESET", "retry"],
    ["ENOTFOUND", "retry"],
    ["ETIMEDOUT", "retry"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "give_up"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "give_up"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "give_up"],
    ["CERT_HAS_EXPIRED", "give_up"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "give_up"],
  ])("A12: %s before the server answered: %s", (code, kind) => {
    expect(historianError(fromNode(code), "here")).toMatchObject({ kind });
  });

  it("A12: an error without a message, without a code, and one of ours", () => {
    expect(historianError(fromNode("ECONNREFUSED", ""), "here").message).toBe("here: ECONNREFUSED");
    expect(historianError("odd", "here")).toMatchObject({ kind: "retry", message: "here: odd" });
    const ours = new HistorianError("give_up", "as it is");
    expect(historianError(ours, "here")).toBe(ours);
  });

  it.each(["22001", "22003", "22021", "22P02", "23502", "23505", "23514", "54000", "P0001"])(
    "A12: %s is the value's own fault",
    (code) => {
      expect(isBadValue(fromServer(code))).toBe(true);
    },
  );

  it.each(["40001", "42P01", "53100", "57014", "XX000"])("A12: %s is not the value's fault", (code) => {
    expect(isBadValue(fromServer(code))).toBe(false);
    // Node's own codes look alike.
    expect(isBadValue(fromNode("22P02"))).toBe(false);
  });
});
