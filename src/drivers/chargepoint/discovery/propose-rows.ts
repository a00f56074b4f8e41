import type { RegistryRow } from "../../../registry/row.ts";
import type { AnswerKind } from "../account/answers.ts";
import type { ChargePointClient } from "../api/index.ts";
import { CALLS } from "../registers/calls.ts";
import { registerClasses } from "../registers/index.ts";
import { type Attribute, kindOf, PortMissingError } from "../registers/register.ts";
import type { FoundStation } from "./index.ts";
import { type Outcome, readAnswers } from "./read-answers.ts";

/** A registry row that is not in a file yet. */
export type ProposedRow = Pick<RegistryRow, "point" | "attribute" | "register" | "port">;

/** Stations that one registry fits: of one model, with the same ports and the same readable points. */
export interface StationKind {
  readonly model: string | null;
  readonly ports: readonly string[];
  readonly stations: readonly FoundStation[];
  readonly rows: readonly ProposedRow[];
  /** Points that cannot be read at these stations, by the reason. */
  readonly leftOut: ReadonlyMap<string, readonly string[]>;
  /** Reasons for which some points could not be tried now; they are among the rows. */
  readonly untried: readonly string[];
  readonly calls: readonly CallPrice[];
}

/** The price of a registry's rows that one call reads. */
export interface CallPrice {
  readonly operation: string;
  readonly cost: string;
  readonly points: number;
}

/** Returns the rows for each kind of station: those of `wanted`, for its own ports, without what cannot be read there. */
export async function proposeRows(
  client: Pick<ChargePointClient, "call">,
  stations: readonly FoundStation[],
  wanted: readonly ProposedRow[],
  signal: AbortSignal,
): Promise<StationKind[]> {
  const sound = wanted.filter(isSound);
  // The ports and all of StationRegister come with the list of stations.
  const kinds = [...new Set(sound.map(answerKind))].filter((kind) => kind !== "station");
  const ids = stations.map(({ stationID }) => stationID);
  const answers = kinds.length === 0 ? undefined : await readAnswers(client, ids, kinds, signal);
  const byPorts = new Map<string, ProposedRow[]>();
  const found = new Map<string, StationKind & { readonly stations: FoundStation[] }>();
  for (const station of stations) {
    const ports = station.portNumbers;
    const rows = byPorts.get(ports.join()) ?? rowsForPorts(sound, ports);
    byPorts.set(ports.join(), rows);
    const fit = fitting(rows, answers?.get(station.stationID));
    const key = JSON.stringify([station.model, ports, fit.rows.map(({ point }) => point.name)]);
    const known = found.get(key);
    if (known) known.stations.push(station);
    else
      found.set(key, { model: station.model, ports, stations: [station], ...fit, calls: callsOf(fit.rows) });
  }
  return [...found.values()];
}

/** Splits the rows of a station into those that can be read there and the others. */
function fitting(
  rows: readonly ProposedRow[],
  outcomes: ReadonlyMap<AnswerKind, Outcome> | undefined,
): Pick<StationKind, "rows" | "leftOut" | "untried"> {
  const kept: ProposedRow[] = [];
  const leftOut = new Map<string, string[]>();
  const untried = new Set<string>();
  for (const row of rows) {
    const outcome = outcomes?.get(answerKind(row));
    const problem = outcome && problemOf(row, outcome);
    if (outcome && "failure" in outcome) untried.add(outcome.failure.message);
    if (problem === undefined) kept.push(row);
    else leftOut.set(problem, [...(leftOut.get(problem) ?? []), row.point.name]);
  }
  return { rows: kept, leftOut, untried: [...untried] };
}

/** Returns why the row cannot be read from this answer. */
function problemOf(row: ProposedRow, outcome: Outcome): string | undefined {
  if ("refusal" in outcome) return outcome.refusal.message;
  if ("failure" in outcome) return undefined;
  try {
    attributeOf(row)!.read(outcome.answer, row.port);
    return undefined;
  } catch (error) {
    if (error instanceof PortMissingError) return error.message;
    throw error;
  }
}

/**
 * Adapts rows to a station's ports. A port that the rows do not have takes the rows of the port in its place, or of the last
 * one; rows of ports that the station does not have are left out.
 */
export function rowsForPorts(rows: readonly ProposedRow[], ports: readonly string[]): ProposedRow[] {
  const own = [...new Set(rows.flatMap(({ port }) => port ?? []))];
  const sourceOf = (port: string, place: number) =>
    own.includes(port) ? port : own[Math.min(place, own.length - 1)];
  const alike = Map.groupBy(
    rows.filter(({ port }) => port !== undefined),
    patternOf,
  );
  return rows.flatMap((row) => {
    if (row.port === undefined) return [row];
    const group = alike.get(patternOf(row));
    // All of a group stand where its first row was.
    alike.delete(patternOf(row));
    return ports.flatMap((port, place) => {
      const source = group?.find((one) => one.port === sourceOf(port, place));
      return source ? [atPort(source, port)] : [];
    });
  });
}

/** Rows of one pattern differ only in their port. */
function patternOf({ register, attribute, point, port }: ProposedRow): string {
  return JSON.stringify([register, attribute, renamed(point.name, port!, "\0")]);
}

function atPort(row: ProposedRow, port: string): ProposedRow {
  if (port === row.port) return row;
  return { ...row, port, point: { ...row.point, name: renamed(row.point.name, row.port!, port) } };
}

/** Replaces a port's number in a point's name, `Status_1`; a name without it gets it as its end. */
function renamed(name: string, from: string, to: string): string {
  for (let at = name.lastIndexOf(from); at >= 0; at = at === 0 ? -1 : name.lastIndexOf(from, at - 1)) {
    const end = at + from.length;
    if (!/\d/.test(name[at - 1] ?? "") && !/\d/.test(name[end] ?? ""))
      return name.slice(0, at) + to + name.slice(end);
  }
  return `${name}_${to}`;
}

/** Returns the calls that read the rows, with their prices. */
function callsOf(rows: readonly ProposedRow[]): CallPrice[] {
  return [...Map.groupBy(rows, answerKind)].map(([kind, { length: points }]) => {
    const { operation, price, shared } = CALLS[kind];
    return { operation, cost: `${price} ${shared}`, points };
  });
}

/** Returns what reading a row costs, in short: `getLoad: 1 call a scrape`. */
export function priceOf(row: ProposedRow): string {
  const { operation, price } = CALLS[answerKind(row)];
  return `${operation}: ${price}`;
}

/**
 * Returns rows of the attributes as the registers describe them, for the ports 1 and 2. An attribute of either level is a row
 * of the station.
 */
export function describedRows(isWanted: (register: string, attribute: string) => boolean): ProposedRow[] {
  return Object.entries(registerClasses).flatMap(([register, { attributes }]) =>
    Object.entries(attributes)
      .filter(([attribute]) => isWanted(register, attribute))
      .flatMap(([attribute, { level, type, unit: units = "", meaning, control }]) => {
        const name = register === "PublicStationRegister" ? `public_${attribute}` : attribute;
        const publish = meaning.includes("Personal data") ? "never" : "always";
        const about = {
          type,
          units,
          writable: control !== undefined,
          publish,
          notes: meaning,
          extra: {},
        } as const;
        if (level !== "port") return [{ register, attribute, point: { name, ...about } }];
        return ["1", "2"].map((port) => {
          return { register, attribute, port, point: { name: `${name}_${port}`, ...about } };
        });
      }),
  );
}

/** Names by which a register can be chosen, `LoadRegister` or `load`, in lower case. */
export function registerNames(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(registerClasses).flatMap(([register, { kind }]) =>
      [register, register.replace(/Register$/, ""), kind, kind.replace(/(?<!u)s$/, "")].map(
        (name) => [name.toLowerCase(), register] as const,
      ),
    ),
  );
}

function isSound(row: ProposedRow): boolean {
  const attribute = attributeOf(row);
  return attribute !== undefined && (attribute.level !== "port" || row.port !== undefined);
}

function attributeOf({ register, attribute }: ProposedRow): Attribute<unknown> | undefined {
  if (!Object.hasOwn(registerClasses, register)) return undefined;
  const { attributes } = registerClasses[register]!;
  return Object.hasOwn(attributes, attribute) ? (attributes[attribute] as Attribute<unknown>) : undefined;
}

function answerKind({ register, attribute }: ProposedRow): AnswerKind {
  return kindOf(registerClasses[register]!, attribute);
}
