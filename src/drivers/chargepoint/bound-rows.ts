import type { RegistryRow } from "../../registry/row.ts";
import type { AnswerKind } from "./account/answers.ts";
import { SELDOM } from "./account/reads/pace.ts";
import { registerClasses } from "./registers/index.ts";
import { type Attribute, kindOf } from "./registers/register.ts";
import { PORT_DETAIL_ATTRIBUTES } from "./registers/station-status-register.ts";

/** An attribute named by rows, and the kind of answer that contains it. */
export interface BoundAttribute {
  readonly kind: AnswerKind;
  /** Index of the kind among those that the station reads. */
  readonly place: number;
  readonly attribute: Attribute<unknown>;
}

/** A registry row bound to the attribute that it names. */
export interface Binding extends BoundAttribute {
  readonly row: RegistryRow;
}

/** The bound rows of a registry, shared by all stations with that registry. */
export interface BoundRows {
  readonly rows: readonly RegistryRow[];
  /** One for each row; rows that name the same attribute share it. */
  readonly attributes: readonly BoundAttribute[];
  /** Index of each point's row; built at the first command. */
  places?: ReadonlyMap<string, number>;
  readonly kinds: readonly AnswerKind[];
  readonly telling: ReadonlySet<AnswerKind>;
  readonly portDetails: boolean;
  readonly movingTimes: ReadonlySet<string>;
  /** Bindings of limits. */
  readonly limits: readonly Binding[];
  /** Sets of points without a limit seen so far, by one digit for each of the limits. */
  readonly noLimits: Map<string, ReadonlySet<string>>;
  /** Index of the kind whose answers contain whether the network reaches the station; -1 for none. */
  readonly reachability: number;
}

/** Kinds of answers that contain whether the network reaches the station, the freshest first. */
const REACHABILITY: readonly AnswerKind[] = ["status", "publicStatus", "station"];

const known = {
  ofRows: new WeakMap<readonly RegistryRow[], BoundRows>(),
  withAlarms: new WeakMap<readonly RegistryRow[], BoundRows>(),
};

/** `readsAlarms`: the alarms are read even where no row needs them. */
export function boundRows(rows: readonly RegistryRow[], readsAlarms = false): BoundRows {
  const bounds = readsAlarms ? known.withAlarms : known.ofRows;
  const before = bounds.get(rows);
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
  // Without a value of their own, alarms that cannot be read must not fail a scrape.
  const telling = new Set(fresh.length > 0 ? fresh : kinds);
  if (readsAlarms && !kinds.includes("alarms")) kinds.push("alarms");
  const bound = {
    ...{ rows, attributes, kinds, telling, portDetails, movingTimes, limits },
    noLimits: new Map<string, ReadonlySet<string>>(),
    reachability: kinds.indexOf(REACHABILITY.find((kind) => kinds.includes(kind))!),
  };
  bounds.set(rows, bound);
  return bound;
}

export function bindingOf(bound: BoundRows, point: string): Binding | undefined {
  const { rows, attributes } = bound;
  bound.places ??= new Map(rows.map((row, place) => [row.point.name, place]));
  const place = bound.places.get(point);
  return place === undefined ? undefined : { row: rows[place]!, ...attributes[place]! };
}

/** Binds a row and adds its kind to the kinds if it is new. */
function bind(row: RegistryRow, kinds: AnswerKind[]): BoundAttribute {
  const register = registerClasses[row.register]!;
  const kind = kindOf(register, row.attribute);
  if (!kinds.includes(kind)) kinds.push(kind);
  const attribute = register.attributes[row.attribute] as Attribute<unknown>;
  return { kind, place: kinds.indexOf(kind), attribute };
}
