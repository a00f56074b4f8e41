import type { BridgeSettings, Diagnostic } from "../../../config/index.ts";
import type { LoadedDevice, TestableAccount } from "../../../devices/index.ts";

/** One line of the report. */
export interface Finding {
  /** Stable word: `files`, `broker`, `tls`, … */
  readonly check: string;
  /** `skipped`: it could not be checked because of another finding; the text says which. */
  readonly outcome: "ok" | "warning" | "failed" | "skipped";
  readonly text: string;
  /** What to do; absent where nothing is wrong, or where the text says it. */
  readonly remedy?: string;
}

/** How far the network reaches a host. */
export interface Reached {
  /** Whether a connection can be made, certificate included. */
  readonly isReached: boolean;
  /** Whether something accepts connections there. */
  readonly isOpen: boolean;
  readonly findings: readonly Finding[];
}

/** What is checked: the configs of a bridge, as far as they can be used, and how far the network reaches. */
export interface Site {
  readonly settings: BridgeSettings;
  readonly devices: readonly LoadedDevice[];
  /** Problems of all files. */
  readonly diagnostics: readonly Diagnostic[];
  readonly accounts: readonly TestableAccount[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Maximum time of each step, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Finds out once why the broker cannot be visited; undefined where it can. */
  brokerFault(): Promise<Pick<Finding, "outcome" | "text" | "remedy"> | undefined>;
  /** Tries once whether the network reaches a host. */
  reach(url: URL): Promise<Reached>;
}

/** One check of the list. Rejects only with the reason of the site's signal, or for a fault of its own. */
export type SiteCheck = (site: Site) => Promise<Finding[]>;
