/** Each includes those before it. */
export const ROLES = ["view", "operate", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who sent a request. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** How it was identified; `open`: there are no users, and it is on this machine. */
  readonly via: "session" | "token" | "proxy" | "open";
}

/** Returns whether a role includes another one. */
export function includes(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}
