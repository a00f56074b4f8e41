import { type ReadonlySignal, signal } from "@preact/signals-core";
import { api } from "../requests/api.ts";

export type Role = "view" | "operate" | "admin";

/** The bridge and the reader, as `GET /api/v1/bridge` has them. */
export interface BridgeInfo {
  readonly instance: string | null;
  readonly version: string | null;
  readonly readOnly: boolean;
  readonly active: boolean;
  /** There are users who can log in. */
  readonly login: boolean;
  readonly caller: {
    readonly name: string;
    readonly role: Role;
    readonly via: "session" | "token" | "proxy" | "open";
    readonly personalData: boolean;
  } | null;
  readonly has: {
    readonly history: boolean;
    readonly sessions: boolean;
    readonly reload: boolean;
    readonly cluster: boolean;
  };
}

const current = signal<BridgeInfo | undefined>(undefined);
const failed = signal<unknown>(undefined);

/** Undefined until it is loaded. */
export const bridge: ReadonlySignal<BridgeInfo | undefined> = current;
export const bridgeError: ReadonlySignal<unknown> = failed;

let requests = 0;

/** Loads it, or loads it again. Only the answer to the newest request counts. */
export async function loadBridge(): Promise<void> {
  const request = ++requests;
  try {
    const info = await api.get<BridgeInfo>("bridge");
    if (request !== requests) return;
    // Views are drawn again only where something has changed.
    if (JSON.stringify(info) !== JSON.stringify(current.peek())) current.value = info;
    failed.value = undefined;
  } catch (error) {
    if (request === requests) failed.value = error;
  }
}

/** Why the reader may not command stations; undefined where nothing forbids it. */
export function whyNotOperate(info: BridgeInfo | undefined): string | undefined {
  if (!info?.caller) return "Log in to set limits.";
  if (info.readOnly) return "This bridge is read-only: it sets and clears nothing, for nobody.";
  if (!info.active) return "Another bridge of this instance is in charge: limits are set there.";
  if (info.caller.role === "view")
    return info.caller.via === "open"
      ? "Without users this page only shows. To set limits, add users: voltbridge web user."
      : `Your role, view, shows and does not set. Limits need the role operate: ask an administrator of the bridge.`;
  return undefined;
}

/** A read-only bridge pauses and resumes devices all the same. */
export function mayOperate(): boolean {
  const role = current.value?.caller?.role;
  return role === "operate" || role === "admin";
}

export async function login(name: string, password: string): Promise<void> {
  await api.post("session", { name, password });
  await loadBridge();
}

/** A page that is loaded again holds nothing of the one who left. */
export async function logout(): Promise<void> {
  await api.delete("session");
  location.assign("/login");
}
