import { globSync } from "node:fs";

/** The library that Debian's libfaketime puts before libc, for programs with threads; undefined where it is not installed. */
export function faketimeLibrary(): string | undefined {
  return globSync("/usr/lib/*/faketime/libfaketimeMT.so.1")[0];
}

export function hasFaketime(): boolean {
  return faketimeLibrary() !== undefined;
}
