import { createRequire } from "node:module";

/** The part of `@duckdb/node-api` that is used here. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string, options?: Record<string, string>): Promise<{ connect(): Promise<DuckDbConnection> }>;
  };
}

export interface DuckDbConnection {
  run(sql: string): Promise<unknown>;
  prepare(sql: string): Promise<DuckDbStatement>;
  closeSync(): void;
}

interface DuckDbStatement {
  bindVarchar(parameter: number, value: string): void;
  bindBigInt(parameter: number, value: bigint): void;
  runAndReadAll(): Promise<{ getRowsJS(): unknown[][] }>;
}

/** Returns DuckDB as installed for the example that reads history files; undefined where it is not. */
export function findDuckDb(): DuckDb | undefined {
  try {
    return createRequire(new URL("../../examples/read-history/package.json", import.meta.url))(
      "@duckdb/node-api",
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
