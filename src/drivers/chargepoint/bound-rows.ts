import type { RegistryRow } from "../../registry/row.ts";
import type { AnswerKind } from "./account/answers.ts";
import { SELDOM } from "./account/reads/pace.ts";
import { registerClasses } from "./registers/index.ts";
import { type Attribute, kindOf } from "./registers/register.ts";
import { PORT_DETAIL_ATTRIBUTES } from "./registers/station-status-register.ts";

/** An attribute that rows name, and the answer that has it. */
export interface BoundAttribute {
  readonly kind: AnswerKind;
  /** Of the kind among those that its station reads. */
  readonly place: number;
  readonly attribute: Attribute<unknown>;
}

/** A registry row bound to the attribute that it names. */
export interface Binding extends BoundAttribute {
  readonly row: RegistryRow;
}

/** The rows of a registry; stations that have one have these in common. */
export interface BoundRows {
  readonly rows: readonly RegistryRow[];
  /** Of each row; rows that name the same have it in common. */
  readonly attributes: readonly BoundAttribute[];
  /** Of each point its row's; made for the first command. */
  places?: ReadonlyMap<string, number>;
  readonly kinds: readonly AnswerKind[];
  readonly telling: ReadonlySet<AnswerKind>;
  readonly portDetails: boolean;
  readonly movingTimes: ReadonlySet<string>;
  /** Those of limits. */
  readonly limits: readonly Binding[];
  /** Sets of points without a limit, as they were seen so far; by a digit for each of the limits. */
  readonly noLimits: Map<string, ReadonlySet<string>>;
  /** Place among the kinds of the one whose answers say whether the network reaches the station; -1 for none. */
  readonly reachability: number;
}

/** Answers that say whether the network reaches the station, the freshest first. */
const REACHABILITY: readonly AnswerKind[] = ["status", "publicStatus", "station"];

const known = new WeakMap<readonly RegistryRow[], BoundRows>();

export function boundRows(rows: readonly RegistryRow[]): BoundRows {
  const before = known.get(rows);
  if (before) return before;
  const kinds: AnswerKind[] = [];
  const attributes: BoundAttribute[] = [];
  const byName = new Map<string, BoundAttribute>();
  const movingTimes = new Set<string>();
  const limits: Binding[] = [];
  let portDetails = false;
  for (const row of rows) {
    const name = `${row.register} ${row.attribute}`;
    const bound = byName.get(name) ?? bind(row, kinds);
    byName.set(name, bound);
    attributes.push(bound);
    if (bound.attribute.movesAlone) movingTimes.add(row.point.name);
    if (bound.attribute.isNoLimit) limits.push({ row, ...bound });
    portDetails ||= bound.kind === "status" && PORT_DETAIL_ATTRIBUTES.has(row.attribute);
  }
  const fresh = kinds.filter((kind) => !SELDOM.has(kind));
  const bound = {
    ...{ rows, attributes, kinds, portDetails, movingTimes, limits },
    telling: new Set(fresh.length > 0 ? fresh : kinds),
    noLimits: new Map<string, ReadonlySet<string>>(),
    reachability: kinds.indexOf(REACHABILITY.find((kind) => kinds.includes(kind))!),
  };
  known.set(rows, bound);
  return bound;
}

export function bindingOf(bound: BoundRows, point: string): Binding | undefined {
  const { rows, attributes } = bound;
  bound.places ??= new Map(rows.map((row, place) => [row.point.name, place]));
  const place = bound.places.get(point);
  return place === undefined ? undefined : { row: rows[place]!, ...attributes[place]! };
}

/** Adds the row's kind to the kinds where it is new there. */
function bind(row: RegistryRow, kinds: AnswerKind[]): BoundAttribute {
  const register = registerClasses[row.register]!;
  const kind = kindOf(register, row.attribute);
  if (!kinds.includes(kind)) kinds.push(kind);
  const attribute = register.attributes[row.attribute] as Attribute<unknown>;
  return { kind, place: kinds.indexOf(kind), attribute };
}
