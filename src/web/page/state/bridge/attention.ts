import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { NoticeView } from "../../../schemas.ts";
import { api } from "../requests/api.ts";
import { onLive } from "../requests/live.ts";
import { loadBridge } from "./bridge.ts";
import { refusedAccounts } from "./refused-accounts.ts";

/** Something that needs a person. */
export interface Attention {
  readonly text: string;
  /** View with the remedy. */
  readonly href: string;
}

const list = signal<readonly Attention[]>([]);
export const attention: ReadonlySignal<readonly Attention[]> = list;

/** The parts of the bridge's answers that are looked at. */
interface Failing {
  readonly failing?: { readonly error: string };
}

interface Health {
  readonly historian?: Failing & { readonly also?: Readonly<Record<string, Failing>> };
  readonly config?: { readonly state?: string; readonly problemCount?: number; readonly text?: string };
}
interface Readiness {
  readonly checks: { readonly broker: boolean; readonly store?: boolean; readonly scrapes: boolean };
}
interface Notices {
  readonly notices: readonly NoticeView[];
}

/** Interval at which the health is asked for; a notice asks at once. In milliseconds. */
const PERIOD = 30_000;
const SOON = 500;

/** Follows what needs a person. Returns the function that ends it. */
export function startAttention(): () => void {
  let running = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    running.abort();
    running = new AbortController();
    const { signal: aborted } = running;
    try {
      const [health, { notices }, readiness] = await Promise.all([
        api.get<Health>("health", { signal: aborted }),
        api.get<Notices>("notices", { signal: aborted }),
        // Not part of the interface: programs that supervise the bridge ask it. 503 says which check failed.
        fetch("/readyz", { signal: aborted }).then((response) => response.json() as Promise<Readiness>),
      ]);
      list.value = [
        ...needsOf(health, readiness),
        ...refusedAccounts(notices).map(({ text }) => ({ text, href: "/system#accounts" })),
      ];
    } catch {
      // The connection's own line says that the bridge is away.
    }
    // A notice in the meantime has set the timer already.
    if (!aborted.aborted) timer ??= setTimeout(again, PERIOD);
  };
  const again = (): void => {
    timer = undefined;
    // Another bridge may have taken over.
    void loadBridge();
    void look();
  };
  const end = onLive("notice", () => {
    clearTimeout(timer);
    timer = setTimeout(again, SOON);
  });
  void look();
  return () => {
    running.abort();
    clearTimeout(timer);
    end();
  };
}

function needsOf({ historian, config }: Health, { checks }: Readiness): Attention[] {
  const needs: Attention[] = [];
  if (!checks.broker)
    needs.push({ text: "The MQTT broker cannot be reached: nothing is published.", href: "/system#broker" });
  if (checks.store === false)
    needs.push({
      text: `The store takes no values; they wait on disk${historian?.failing ? `: ${historian.failing.error}` : "."}`,
      href: "/system#store",
    });
  for (const [name, { failing }] of Object.entries(historian?.also ?? {}))
    if (failing)
      needs.push({
        text: `The store ${name} takes no values; they wait on disk: ${failing.error}`,
        href: "/system#store",
      });
  if (!checks.scrapes) needs.push({ text: "No station was read lately.", href: "/system#accounts" });
  if (config?.state === "config_error") {
    const problems = config.problemCount === 1 ? "a problem" : `${config.problemCount ?? 0} problems`;
    needs.push({
      text: `The configs on disk have ${problems}; what has one was not loaded.`,
      href: "/system#configs",
    });
  }
  if (config?.state === "unconfirmed")
    needs.push({
      text: config.text ?? "A change of the configs waits for a confirmation.",
      href: "/system#configs",
    });
  return needs;
}
