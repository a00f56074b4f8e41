import { type ReadonlySignal, signal } from "@preact/signals-core";
import { api } from "../state/api.ts";
import { onLive } from "../state/live.ts";

/** Something that needs a person. */
export interface Attention {
  readonly text: string;
  /** View with the remedy. */
  readonly href: string;
}

const list = signal<readonly Attention[]>([]);
export const attention: ReadonlySignal<readonly Attention[]> = list;

/** The parts of the health message that are looked at. */
interface Health {
  readonly status?: string;
  readonly broker?: { readonly connected?: boolean };
  readonly historian?: { readonly failing?: string; readonly waiting?: number };
  readonly config?: { readonly state?: string; readonly problemCount?: number; readonly text?: string };
  readonly accounts?: readonly {
    readonly account?: string;
    readonly state?: string;
    readonly paused?: string;
  }[];
}

/** Interval at which the health is asked for; a notice asks at once. In milliseconds. */
const PERIOD = 30_000;
const SOON = 500;

/** Follows what needs a person. Returns the function that ends it. */
export function startAttention(): () => void {
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    try {
      list.value = needsOf(await api.get<Health>("health", { signal: ended.signal }));
    } catch {
      // The connection's own line says that the bridge is away.
    }
    if (!ended.signal.aborted) later(PERIOD);
  };
  const later = (milliseconds: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), milliseconds);
  };
  const end = onLive("notice", () => later(SOON));
  later(0);
  return () => {
    ended.abort();
    clearTimeout(timer);
    end();
  };
}

function needsOf({ broker, historian, config }: Health): Attention[] {
  const needs: Attention[] = [];
  if (broker?.connected === false)
    needs.push({ text: "The MQTT broker cannot be reached: nothing is published.", href: "/system#broker" });
  if (historian?.failing !== undefined)
    needs.push({ text: `The store does not accept values: ${historian.failing}`, href: "/system#store" });
  if (config?.state === "config_error")
    needs.push({
      text: `The configs on disk have ${config.problemCount ?? 0} ${config.problemCount === 1 ? "problem" : "problems"} and were not loaded.`,
      href: "/system#configs",
    });
  if (config?.state === "unconfirmed")
    needs.push({
      text: config.text ?? "A change of the configs waits for a confirmation.",
      href: "/system#configs",
    });
  return needs;
}
