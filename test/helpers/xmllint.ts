import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { findProgram } from "./mosquitto.ts";

/** Checking XML with libxml2's own program, which shares nothing with ours. */

export const xmllintInstalled = hasXmllint();

export function hasXmllint(): boolean {
  return findProgram("xmllint") !== undefined;
}

/** A command line has a bound; a file for each document. */
const MOST_FILES = 1000;

/**
 * Validates documents against the first of `schemas` (by file name), which may import the others.
 *
 * @returns what xmllint says of each document that is not valid
 * @throws where a schema cannot be used
 */
export async function faults(
  schemas: Readonly<Record<string, string>>,
  documents: readonly string[],
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "xmllint-"));
  try {
    const [main] = Object.keys(schemas);
    for (const [name, content] of Object.entries(schemas)) await writeFile(join(folder, name), content);
    const files = documents.map((_, at) => `${at}.xml`);
    await Promise.all(documents.map((content, at) => writeFile(join(folder, `${at}.xml`), content)));
    const said: string[] = [];
    for (let from = 0; from < files.length; from += MOST_FILES) {
      const some = files.slice(from, from + MOST_FILES);
      const lines = await xmllint(folder, ["--schema", main!, ...some]);
      if (/schemas? parser error|failed to compile|fails to compile/im.test(lines.join("\n"))) {
        throw new Error(lines.join("\n"));
      }
      const valid = new Set(lines.filter((line) => line.endsWith(" validates")));
      for (const file of some.filter((name) => !valid.has(`${name} validates`))) {
        const about = lines.filter((line) => line.startsWith(`${file}:`)).join("\n");
        said.push(`${about || `${file}: not checked`}\n${documents[files.indexOf(file)]}`);
      }
    }
    return said;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns what xmllint says of each document that is not well-formed XML. */
export async function malformed(documents: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "xmllint-"));
  try {
    const said: string[] = [];
    for (const [at, [name, content]] of Object.entries(documents).entries()) {
      await writeFile(join(folder, `${at}.xml`), content);
      const lines = await xmllint(folder, [`${at}.xml`]);
      if (lines.join("") !== "") said.push(`${name}: ${lines.join("\n")}`);
    }
    return said;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function xmllint(folder: string, args: readonly string[]): Promise<string[]> {
  const child = spawn(findProgram("xmllint")!, ["--noout", "--nonet", ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 20_000,
  });
  return (await text(child.stderr)).split("\n");
}
