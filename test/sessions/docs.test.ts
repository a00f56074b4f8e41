import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ddl, postgresDialect, sqliteDialect } from "../../src/sessions/index.ts";

const page = readFileSync(new URL("../../docs/sessions.md", import.meta.url), "utf8");

test.each([sqliteDialect, postgresDialect])(
  "docs/sessions.md shows the tables of $name as they are made",
  (dialect) => {
    expect(page).toContain(`\`\`\`sql\n${ddl(dialect)}\n\`\`\``);
  },
);
