import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PostgresConnection } from "../../../../src/config/postgres-connection.ts";
import type { HistorianBackend, Sample } from "../../../../src/historian/contract.ts";
import { HistorianError } from "../../../../src/historian/errors.ts";
import { PostgresBackend } from "../../../../src/historian/stores/postgres/backend.ts";
import { sample } from "../../../contracts/historian-contract.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER, Postgres } from "../../../helpers/postgres.ts";
import { hasPostgres } from "../../../helpers/postgres-programs.ts";
import { TcpProxy } from "../../../helpers/tcp-proxy.ts";
import { connectionTo, log } from "./settings.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;

describe.skipIf(!hasPostgres())("postgres that fails", () => {
  let server: Postgres;
  let databases = 0;
  const open: HistorianBackend[] = [];
  beforeAll(async () => {
    server = await Postgres.run();
  });
  afterAll(() => server.dispose());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((backend) => backend.close()));
  });

  /** Settings of a database that is not there yet. */
  const unmade = (more: Partial<PostgresConnection> = {}): PostgresConnection =>
    connectionTo(server, { database: `history "${databases++}"`, ...more });

  function backend(connection: PostgresConnection, readonly = false): PostgresBackend {
    const made = new PostgresBackend(connection, { readonly, log });
    open.push(made);
    return made;
  }

  async function values(of: HistorianBackend, topic: string): Promise<unknown[]> {
    const rows = await of.read({ topic, order: "FIRST_TO_LAST", skip: 0, limit: 1000 });
    return rows.map(([, value]) => value);
  }

  const failure = (call: Promise<unknown>): Promise<HistorianError> =>
    call.then(
      () => {
        throw new Error("it did not fail");
      },
      (error) => {
        expect(error).toBeInstanceOf(HistorianError);
        expect(error.message).not.toContain("canary");
        return error;
      },
    );

  it("A8: a server that comes later, without the database: it is made, and everything in it", async () => {
    const late = await Postgres.prepare();
    try {
      const writer = backend(connectionTo(late, { timeout: 2 }));
      expect(await failure(writer.open())).toMatchObject({
        kind: "retry",
        message: expect.stringContaining(`history database voltbridge at 127.0.0.1:${late.port}`),
      });
      expect(await failure(writer.write([sample("a/b", NOON, 1)]))).toMatchObject({ kind: "retry" });
      await late.start();
      await writer.write([sample("a/b", NOON, 1)]);
      expect(await values(writer, "a/b")).toEqual([1]);
    } finally {
      await late.dispose();
    }
  });

  it("A8: eight that make the same store at once make one", async () => {
    const connection = unmade();
    const writers = Array.from({ length: 8 }, () => backend(connection));
    await Promise.all(writers.map((writer) => writer.open()));
    await Promise.all(writers.map((writer, i) => writer.write([sample("a/b", NOON + i, i)])));
    expect(await values(writers[0]!, "a/b")).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await writers[0]!.topics()).toHaveLength(1);
  });

  it("two who write the same samples in other orders do not stop each other", async () => {
    const connection = unmade();
    const batch = Array.from({ length: 500 }, (_, i) => sample(`a/p${i % 50}`, NOON + i, i));
    const writers = [backend(connection), backend(connection)];
    await writers[0]!.open();
    for (let round = 0; round < 10; round++)
      await Promise.all(
        writers.map((writer, i) => {
          const samples = batch.map((s) => ({ ...s, value: round * 10 + i }));
          return writer.write(i ? samples : samples.toReversed());
        }),
      );
    expect(await values(writers[0]!, "a/p7")).toHaveLength(10);
  });

  it("A9: a server that hangs: every call ends by its own deadline, and works again without a restart", async () => {
    const connection = unmade();
    // Making the schema may take its time; only what comes afterwards has the short deadline.
    await backend(connection).write([sample("a/b", NOON, 1)]);
    const writer = backend({ ...connection, timeout: 1 });
    expect(await values(writer, "a/b")).toEqual([1]);
    server.pause();
    try {
      const begun = performance.now();
      const calls = [writer.write([sample("a/b", NOON + 1, 2)]), writer.topics(), writer.open()];
      for (const error of await Promise.all(calls.map(failure)))
        expect(error).toMatchObject({
          kind: "retry",
          message: expect.stringContaining("did not respond in time"),
        });
      // With the connections thrown away: a new one is answered by nobody either.
      expect(await failure(writer.write([sample("a/b", NOON + 1, 2)]))).toMatchObject({ kind: "retry" });
      expect(performance.now() - begun).toBeLessThan(8000);
    } finally {
      server.resume();
    }
    await expect
      .poll(() => writer.write([sample("a/b", NOON + 1, 2)]).then(() => "written", String))
      .toBe("written");
    expect(await values(writer, "a/b")).toEqual([1, 2]);
  });

  it("A9: something that accepts and never answers", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const writer = backend(connectionTo({ port }, { timeout: 0.2 }));
    expect(await failure(writer.write([sample("a/b", NOON, 1)]))).toMatchObject({ kind: "retry" });
    await writer.close();
    silent.close();
  });

  it("A9: connections that break: the next call makes new ones", async () => {
    const connection = unmade();
    const proxy = await TcpProxy.before(server.port);
    try {
      const writer = backend({ ...connection, port: proxy.port });
      await writer.write([sample("a/b", NOON, 0)]);
      for (let round = 1; round <= 5; round++) {
        const writing = writer.write([sample("a/b", NOON + round, round)]).then(
          () => undefined,
          (error: unknown) => error,
        );
        proxy.cut();
        expect(await writing).toSatisfy((e) => e === undefined || (e as HistorianError).kind === "retry");
        await expect
          .poll(() => writer.write([sample("a/b", NOON + round, round)]).then(() => "written", String))
          .toBe("written");
      }
      expect(await values(writer, "a/b")).toEqual([0, 1, 2, 3, 4, 5]);
    } finally {
      await proxy.close();
    }
  });

  it("closing ends calls under way", async () => {
    const writer = backend(unmade());
    await writer.open();
    server.pause();
    try {
      const writing = failure(writer.write([sample("a/b", NOON, 1)]));
      await writer.close();
      expect(await writing).toMatchObject({ kind: "retry" });
      await writer.close();
    } finally {
      server.resume();
    }
  });

  it("a restart of the server is noticed and got over", async () => {
    const other = await Postgres.run();
    try {
      const writer = backend(connectionTo(other, { timeout: 2 }));
      await writer.write([sample("a/b", NOON, 1)]);
      expect(await values(writer, "a/b")).toEqual([1]);
      await other.stop();
      expect(await failure(writer.write([sample("a/b", NOON + 1, 2)]))).toMatchObject({ kind: "retry" });
      await other.start();
      await expect
        .poll(() => writer.write([sample("a/b", NOON + 1, 2)]).then(() => "written", String))
        .toBe("written");
      expect(await values(writer, "a/b")).toEqual([1, 2]);
    } finally {
      await other.dispose();
    }
  });

  it("B12: the database is dropped while in use: made again, with its topics", async () => {
    const connection = unmade();
    const writer = backend(connection);
    await writer.write([sample("a/b", NOON, 1)]);
    expect(await values(writer, "a/b")).toEqual([1]);
    await server.sql(`DROP DATABASE "${connection.database.replaceAll('"', '""')}" WITH (FORCE)`);
    await expect
      .poll(() => writer.write([sample("a/b", NOON + 1, 2)]).then(() => "written", String))
      .toBe("written");
    await expect.poll(() => values(writer, "a/b")).toEqual([2]);
    expect(await writer.topics()).toHaveLength(1);
  });

  it.each([
    ["the schema dropped", "DROP SCHEMA voltbridge CASCADE"],
    ["a table dropped", "DROP TABLE voltbridge.sample CASCADE"],
    ["the table of topics dropped", "DROP TABLE voltbridge.topic CASCADE"],
    ["topics emptied", "TRUNCATE voltbridge.topic RESTART IDENTITY"],
    ["all emptied", "TRUNCATE voltbridge.sample, voltbridge.topic RESTART IDENTITY"],
    ["topics deleted", "DELETE FROM voltbridge.topic"],
    ["one topic deleted", "DELETE FROM voltbridge.topic WHERE name <> 'c/four'"],
  ])("B12: %s while in use: the next batch is stored, under its own topics", async (_, sql) => {
    const connection = unmade();
    const writer = backend(connection);
    await writer.write([sample("a/one", NOON, 1), sample("a/two", NOON, 2), sample("c/four", NOON, 4)]);
    await server.sql(sql, connection.database);
    // Another one that writes first would be given the ids that the writer still remembers.
    await backend(connection).write([sample("b/three", NOON, 3)]);
    await writer.write([sample("a/two", NOON + 1, 22), sample("a/one", NOON + 1, 11)]);
    expect(await values(writer, "a/one")).toEqual([11]);
    expect(await values(writer, "a/two")).toEqual([22]);
    expect(await values(writer, "b/three")).toEqual([3]);
    await writer.write([sample("c/four", NOON + 1, 44)]);
    expect((await values(writer, "c/four")).at(-1)).toBe(44);
  });

  it("A10: what the server refuses is named by index, and nothing of the batch is stored", async () => {
    const connection = unmade();
    const writer = backend(connection);
    await writer.open();
    await server.sql(
      `ALTER TABLE voltbridge.sample ADD CHECK (value IS DISTINCT FROM -13);
       ALTER TABLE voltbridge.topic ADD CHECK (units <> 'furlong')`,
      connection.database,
    );
    const batch = Array.from({ length: 1000 }, (_, i): Sample => {
      if (i === 3 || i === 777)
        return sample("new/bad", NOON + i, i, { units: "furlong", type: "float", tz: "UTC" });
      return sample(`a/p${i % 10}`, NOON + i, i === 500 || i === 700 || i === 999 ? -13 : i);
    });
    const error = await failure(writer.write(batch));
    expect(error.kind).toBe("reject");
    expect([...error.rejected.keys()].sort((a, b) => a - b)).toEqual([3, 500, 700, 777, 999]);
    expect(error.rejected.get(500)).toContain("check constraint");
    expect(await writer.topics()).toEqual([]);
    await writer.write(batch.filter((_, i) => !error.rejected.has(i)));
    expect(await writer.topics()).toHaveLength(10);
    expect(await values(writer, "a/p7")).toHaveLength(99);
  });

  it("A12: a wrong password, a user without rights and a database that cannot be made need a person", async () => {
    const connection = unmade();
    await backend(connection).open();
    expect(await failure(backend({ ...connection, password: "canary-wrong" }).open())).toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("historian.connection.user and password"),
    });
    const guest = { user: "guest", password: POSTGRES_PASSWORD };
    await server.sql(`CREATE ROLE guest LOGIN PASSWORD '${POSTGRES_PASSWORD}'`);
    expect(await failure(backend({ ...connection, ...guest, schema: "mine" }).open())).toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("GRANT"),
    });
    expect(await failure(backend({ ...unmade(), ...guest }).open())).toMatchObject({
      kind: "give_up",
      message: expect.stringMatching(/does not exist and cannot be created.*Create it with CREATE DATABASE/),
    });
  });

  it("a schema that somebody else made for the user is enough", async () => {
    const connection = unmade();
    await backend(connection).open();
    await server.sql(
      `CREATE ROLE tenant LOGIN PASSWORD '${POSTGRES_PASSWORD}'; CREATE SCHEMA given AUTHORIZATION tenant`,
      connection.database,
    );
    const writer = backend({ ...connection, user: "tenant", schema: "given", table_prefix: "ev_" });
    await writer.write([sample("a/b", NOON, 1)]);
    expect(await values(writer, "a/b")).toEqual([1]);
    expect(await server.sql("SELECT topic FROM given.ev_history", connection.database)).toEqual([
      { topic: "a/b" },
    ]);
  });

  it("A19: a newer schema is refused and not touched, by readers and writers", async () => {
    const connection = unmade();
    await backend(connection).write([sample("a/b", NOON, 1)]);
    await server.sql("UPDATE voltbridge.store SET version = 99", connection.database);
    const refused = { kind: "give_up", message: expect.stringContaining("newer voltbridge (format 99") };
    expect(await failure(backend(connection).write([sample("a/b", NOON, 2)]))).toMatchObject(refused);
    expect(await failure(backend(connection).open())).toMatchObject(refused);
    expect(await failure(backend(connection, true).open())).toMatchObject(refused);
    expect(await failure(backend(connection).topics())).toMatchObject(refused);
    expect(await server.sql("SELECT value FROM voltbridge.history", connection.database)).toEqual([
      { value: 1 },
    ]);
  });

  it("tables of something else are left as they are", async () => {
    const connection = unmade();
    await backend({ ...connection, schema: "other" }).open();
    await server.sql("CREATE TABLE public.sample (ts int)", connection.database);
    expect(await failure(backend({ ...connection, schema: "public" }).open())).toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("table_prefix"),
    });
    await backend({ ...connection, schema: "public", table_prefix: "vb_" }).open();
  });

  it("a readonly backend writes nothing and makes nothing", async () => {
    const connection = unmade();
    expect(await failure(backend(connection, true).open())).toMatchObject({ kind: "give_up" });
    await backend({ ...connection, schema: "other" }).open();
    const reader = backend(connection, true);
    expect(await failure(reader.open())).toMatchObject({
      kind: "retry",
      message: expect.stringContaining("contains no history yet"),
    });
    expect(await failure(reader.write([sample("a/b", NOON, 1)]))).toMatchObject({ kind: "give_up" });
    expect(reader.retention).toBeUndefined();
    await backend(connection).write([sample("a/b", NOON, 1)]);
    expect(await values(reader, "a/b")).toEqual([1]);
  });

  it("A12: no connection left is worth another try", async () => {
    const small = await Postgres.run({ settings: ["max_connections=4", "superuser_reserved_connections=0"] });
    try {
      const writers = Array.from({ length: 6 }, () => backend(connectionTo(small, { timeout: 3 })));
      const outcomes = await Promise.all(
        writers.map((w) =>
          w.open().then(
            () => "open",
            (e) => e.kind,
          ),
        ),
      );
      expect(new Set(outcomes)).toEqual(new Set(["open", "retry"]));
    } finally {
      await small.dispose();
    }
  });

  it("G1: who connects is asked for a password, which stands nowhere", async () => {
    const error = await failure(backend(unmade({ user: "nobody", password: POSTGRES_PASSWORD })).open());
    expect(error.kind).toBe("give_up");
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("canary");
    expect(POSTGRES_USER).not.toBe("nobody");
  });
});
