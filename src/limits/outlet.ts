/** What can be limited by itself: a port of a station, or a station as a whole. All power in kW, all times in ms. */
export interface Outlet {
  /** `<device path>/<limit point>`, e.g. `campus/garage/station-1/allowedLoad_1`. */
  readonly id: string;
  /** Most that it can draw without a limit. */
  nominalKw: number;
  /** The limit that was last seen or confirmed; absent: none is known, so it may draw all that it can. */
  inForceKw?: number;
  /** A limit that was sent and may stand since, until it is known whether it does. `nominalKw` for a clearing. */
  askedKw?: number;
  /** When it was sent, or was answered without certainty. */
  askedAt?: number;
  /** What it draws; absent: not known (never read, or too old). */
  loadKw?: number;
  /** The load was read before the limit in force began. */
  loadIsOld?: boolean;
  /** Whether a vehicle is there; absent: the device does not tell. */
  connected?: boolean;
  /** Tells one vehicle from the next, where the device does. */
  session?: string;
  /** Since when nothing flows though it may. */
  idleSince?: number;
  /** Since when its vehicle is known to want nothing. */
  contentSince?: number;
  /** When it last began to charge or to wait for its turn. */
  turnSince: number;
  /** Nothing is to be written before. */
  blockedUntil?: number;
}

/** Below this nothing flows that would matter. */
const NOTHING_KW = 0.05;
/** A vehicle draws its limit less what whole amperes and the mains leave over. */
const SLACK_KW = 0.25;
const SLACK_SHARE = 0.06;
/** What is left to a vehicle above what it draws: more than the slack, so that it shows when it wants more. */
const HEADROOM_KW = 0.35;
const HEADROOM_SHARE = 0.08;
/** A vehicle that was given power and drew none for so long wants none. */
const CONTENT_AFTER_MS = 180_000;
/** A cloud may show a change late; what it does not show after so long did not happen. */
const SHOWN_LATE_MS = 120_000;
/** After so long it is asked again, so that nobody is forgotten. */
const ASK_AGAIN_MS = 7_200_000;

/** What it may draw at most, whatever became of the last write. */
export function mayDrawKw({ nominalKw, inForceKw = nominalKw, askedKw = inForceKw }: Outlet): number {
  return Math.max(inForceKw, askedKw);
}

/** Whether its vehicle wants power, as far as can be told. */
export function isBusy(outlet: Outlet): boolean {
  if (draws(outlet)) return true;
  return outlet.connected !== false && outlet.contentSince === undefined;
}

/** Power that it can make use of: what it draws and some room above, or all where its limit is what holds it back. */
export function needKw(outlet: Outlet, minimumKw: number): number {
  const { nominalKw, loadKw } = outlet;
  const limit = mayDrawKw(outlet);
  if (loadKw === undefined) return clamp(limit, minimumKw, nominalKw);
  if (!draws(outlet)) {
    // Nobody knows whether there is a vehicle; with the minimum it would show.
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

/** What a device tells of an outlet at a moment. A limit of `null`: none is in force; absent: not told. */
export interface Reading {
  readonly at: number;
  readonly loadKw?: number;
  readonly limitKw?: number | null;
  readonly connected?: boolean;
  readonly session?: string;
  readonly nominalKw?: number;
}

/** Takes in what was read. `settled`: since the last write was answered, so that the limit shown is the one in force. */
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
  // A station that gives more than its name plate says can do so again.
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

/** kW travel with three places. */
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
