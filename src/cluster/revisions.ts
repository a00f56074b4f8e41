import type { MemberRecord } from "./contract.ts";

/** Returns the revision that becomes active: one that every member has in its files; undefined: the active one stays. */
export function nextRevision(
  members: readonly MemberRecord[],
  active: string | undefined,
): string | undefined {
  const [first] = members;
  if (!first || first.files === active) return undefined;
  return members.every(({ files }) => files === first.files) ? first.files : undefined;
}
