/** A unit that can be limited separately: a port of a station, or a whole station. All power in kW, all times in ms. */
export interface Outlet {
  /** `<device path>/<limit point>`, e.g. `campus/garage/station-1/allowedLoad_1`. */
  readonly id: string;
  /** Maximum power without a limit. */
  nominalKw: number;
  /** The limit that was last seen or confirmed; absent: none is known, so it may draw its full power. */
  inForceKw?: number;
  /** A limit that was sent and may be in force, until that is known. `nominalKw` for a clear. */
  askedKw?: number;
  /** When it was sent, or when its answer left that open. */
  askedAt?: number;
  /** Present load; absent: unknown (never read, or too old). */
  loadKw?: number;
  /** Whether the load was read before the limit in force began. */
  loadIsOld?: boolean;
  /** Whether a vehicle is there; absent: the device does not report it. */
  connected?: boolean;
  /** Identifies a vehicle's session, where the device reports it. */
  session?: string;
  /** Since when nothing flows although it may. */
  idleSince?: number;
  /** Since when its vehicle is known to want no power. */
  contentSince?: number;
  /** When it last started to charge or to wait for its turn. */
  turnSince: number;
  /** Nothing is written before this time. */
  blockedUntil?: number;
}

/** Load below which nothing is considered to flow. */
const NOTHING_KW = 0.05;
/** Difference between a limit and the load of a vehicle that uses it fully: whole amperes and the mains voltage. */
const SLACK_KW = 0.25;
const SLACK_SHARE = 0.06;
/** Power left to a vehicle above its load: more than the slack, so that it shows when it wants more. */
const HEADROOM_KW = 0.35;
const HEADROOM_SHARE = 0.08;
/** Time after which a vehicle that was given power and draws none counts as wanting none. */
const CONTENT_AFTER_MS = 180_000;
/** Time within which a cloud shows a change; one that does not show by then did not happen. */
const SHOWN_LATE_MS = 120_000;
/** Time after which such a vehicle is offered power again, so that none is forgotten. */
const ASK_AGAIN_MS = 7_200_000;

/** Returns the maximum power of an outlet, whatever the outcome of the last write. */
export function mayDrawKw({ nominalKw, inForceKw = nominalKw, askedKw = inForceKw }: Outlet): number {
  return Math.max(inForceKw, askedKw);
}

/** Returns whether its vehicle wants power, as far as is known. */
export function isBusy(outlet: Outlet): boolean {
  if (draws(outlet)) return true;
  return outlet.connected !== false && outlet.contentSince === undefined;
}

/** Returns the power that it can use: its load and some headroom, or its full power where its limit is what restricts it. */
export function needKw(outlet: Outlet, minimumKw: number): number {
  const { nominalKw, loadKw } = outlet;
  const limit = mayDrawKw(outlet);
  if (loadKw === undefined) return clamp(limit, minimumKw, nominalKw);
  if (!draws(outlet)) {
    // Whether there is a vehicle is unknown; with the minimum it would show.
    if (outlet.connected === undefined) return Math.min(minimumKw, nominalKw);
    return limit < minimumKw ? nominalKw : clamp(limit, minimumKw, nominalKw);
  }
  if (loadKw >= limit - Math.max(SLACK_KW, SLACK_SHARE * limit)) return nominalKw;
  const wanted = loadKw + Math.max(HEADROOM_KW, HEADROOM_SHARE * loadKw);
  return clamp(outlet.loadIsOld ? Math.max(wanted, limit) : wanted, minimumKw, nominalKw);
}

function draws({ loadKw }: Outlet): boolean {
  return loadKw !== undefined && loadKw > NOTHING_KW;
}

/** An outlet's values in a scrape. A limit of `null`: none is in force; absent: not reported. */
export interface Reading {
  readonly at: number;
  readonly loadKw?: number;
  readonly limitKw?: number | null;
  readonly connected?: boolean;
  readonly session?: string;
  readonly nominalKw?: number;
}

/**
 * Updates an outlet by a reading. `settled`: whether it was read after the last write was answered, so that its limit is
 * the one in force.
 */
export function observe(outlet: Outlet, reading: Reading, minimumKw: number, settled: boolean): void {
  const { at, loadKw, limitKw, connected, session } = reading;
  const newcomer = connected === true && (outlet.connected === false || outlet.session !== session);
  if (newcomer) {
    delete outlet.contentSince;
    delete outlet.idleSince;
    outlet.turnSince = at;
  }
  put(outlet, "connected", connected);
  put(outlet, "session", session);
  put(outlet, "loadKw", loadKw);
  outlet.loadIsOld = !settled;
  // A station that exceeds its nominal power can do so again.
  outlet.nominalKw = Math.max(reading.nominalKw ?? outlet.nominalKw, loadKw ?? 0);
  if (settled && limitKw !== undefined) {
    put(outlet, "inForceKw", limitKw ?? undefined);
    const shown = sameKw(outlet.askedKw, limitKw ?? outlet.nominalKw);
    if (shown || at - (outlet.askedAt ?? at) >= SHOWN_LATE_MS) delete outlet.askedKw;
  }
  followDemand(outlet, at, minimumKw);
}

function followDemand(outlet: Outlet, at: number, minimumKw: number): void {
  if (draws(outlet) || outlet.connected === false) {
    delete outlet.contentSince;
    delete outlet.idleSince;
  } else if (outlet.contentSince !== undefined) {
    if (at - outlet.contentSince < ASK_AGAIN_MS) return;
    delete outlet.contentSince;
    delete outlet.idleSince;
    outlet.turnSince = at;
  } else if (outlet.loadKw === undefined || mayDrawKw(outlet) < Math.min(minimumKw, outlet.nominalKw)) {
    delete outlet.idleSince;
  } else {
    outlet.idleSince ??= at;
    if (outlet.connected && at - outlet.idleSince >= CONTENT_AFTER_MS) outlet.contentSince = at;
  }
}

/** kW are sent with three decimals. */
export function sameKw(a: number | undefined, b: number | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Math.abs(a - b) < 0.0015);
}

function clamp(kw: number, low: number, high: number): number {
  return Math.min(Math.max(kw, low), high);
}

function put<K extends "connected" | "session" | "loadKw" | "inForceKw">(
  outlet: Outlet,
  key: K,
  value: Outlet[K] | undefined,
): void {
  if (value === undefined) delete outlet[key];
  else outlet[key] = value;
}
