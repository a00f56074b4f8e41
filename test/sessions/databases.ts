import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSessionDatabase, type SessionDatabase } from "../../src/sessions/index.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER, Postgres } from "../helpers/postgres.ts";
import { hasPostgres } from "../helpers/postgres-programs.ts";

/** A place for databases of one kind, each of its own. */
export interface DatabasePlace {
  /** An empty database; with a name, the same one again. */
  open(name?: string, readonly?: boolean): Promise<SessionDatabase>;
  dispose(): Promise<void>;
}

/** Kinds of databases that can be tested here, and how to get a place for them. */
export const places: readonly (readonly [name: string, make: () => Promise<DatabasePlace>])[] = [
  ["sqlite", sqlitePlace],
  ...(hasPostgres() ? [["postgres", postgresPlace] as const] : []),
];

export async function sqlitePlace(): Promise<DatabasePlace> {
  const folder = mkdtempSync(join(tmpdir(), "sessions-"));
  let count = 0;
  return {
    open: (name = `db${++count}`, readonly = false) =>
      openSessionDatabase({
        backend: "sqlite",
        connection: { path: `${name}.sqlite` },
        dataFolder: folder,
        readonly,
      }),
    async dispose() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function postgresPlace(): Promise<DatabasePlace> {
  const server = await Postgres.run();
  let count = 0;
  return {
    open: (name = `db${++count}`, readonly = false) =>
      openSessionDatabase({
        backend: "postgres",
        connection: {
          ...{ host: "127.0.0.1", port: server.port, database: "postgres", user: POSTGRES_USER },
          ...{ password: POSTGRES_PASSWORD, ssl: "disable", schema: name, timeout: 10 },
        },
        dataFolder: "",
        readonly,
      }),
    dispose: () => server.dispose(),
  };
}

/** The rows, in a list. */
export async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
