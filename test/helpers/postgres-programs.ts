import { globSync } from "node:fs";
import { dirname } from "node:path";

/** Folder of PostgreSQL's server programs (`initdb`, `postgres`), which Debian keeps out of PATH; the newest version's. */
export function postgresPrograms(): string | undefined {
  const found = globSync("/usr/lib/postgresql/*/bin/initdb").sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  const newest = found.at(-1);
  return newest === undefined ? undefined : dirname(newest);
}

export function hasPostgres(): boolean {
  return postgresPrograms() !== undefined;
}
