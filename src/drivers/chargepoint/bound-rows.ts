import type { RegistryRow } from "../../registry/row.ts";
import type { AnswerKind } from "./account/answers.ts";
import { SELDOM } from "./account/pace.ts";
import { registerClasses } from "./registers/index.ts";
import { type Attribute, kindOf } from "./registers/register.ts";
import { PORT_DETAIL_ATTRIBUTES } from "./registers/station-status-register.ts";

/** A registry row bound to the attribute that it names. */
export interface Binding {
  readonly row: RegistryRow;
  readonly kind: AnswerKind;
  /** Of the kind among those that its station reads. */
  readonly place: number;
  readonly attribute: Attribute<unknown>;
}

/** The rows of a registry; stations that have one have these in common. */
export interface BoundRows {
  readonly bindings: readonly Binding[];
  /** By point; made for the first command. */
  byPoint?: ReadonlyMap<string, Binding>;
  readonly kinds: readonly AnswerKind[];
  readonly telling: ReadonlySet<AnswerKind>;
  readonly portDetails: boolean;
  readonly movingTimes: ReadonlySet<string>;
  /** Those of limits. */
  readonly limits: readonly Binding[];
  /** Sets of points without a limit, as they were seen so far. */
  readonly noLimits: Map<string, ReadonlySet<string>>;
  /** The answer that says whether the network reaches the station. */
  readonly reachability: AnswerKind | undefined;
}

/** Answers that say whether the network reaches the station, the freshest first. */
const REACHABILITY: readonly AnswerKind[] = ["status", "publicStatus", "station"];

const known = new WeakMap<readonly RegistryRow[], BoundRows>();

export function boundRows(rows: readonly RegistryRow[]): BoundRows {
  const before = known.get(rows);
  if (before) return before;
  const kinds: AnswerKind[] = [];
  const bindings: Binding[] = [];
  const movingTimes = new Set<string>();
  const limits: Binding[] = [];
  let portDetails = false;
  for (const row of rows) {
    const binding = bind(row, kinds);
    bindings.push(binding);
    if (binding.attribute.movesAlone) movingTimes.add(row.point.name);
    if (binding.attribute.isNoLimit) limits.push(binding);
    portDetails ||= binding.kind === "status" && PORT_DETAIL_ATTRIBUTES.has(row.attribute);
  }
  const fresh = kinds.filter((kind) => !SELDOM.has(kind));
  const bound = {
    ...{ bindings, kinds, portDetails, movingTimes, limits },
    telling: new Set(fresh.length > 0 ? fresh : kinds),
    noLimits: new Map<string, ReadonlySet<string>>(),
    reachability: REACHABILITY.find((kind) => kinds.includes(kind)),
  };
  known.set(rows, bound);
  return bound;
}

export function bindingOf(bound: BoundRows, point: string): Binding | undefined {
  bound.byPoint ??= new Map(bound.bindings.map((binding) => [binding.row.point.name, binding]));
  return bound.byPoint.get(point);
}

/** Adds the row's kind to the kinds where it is new there. */
function bind(row: RegistryRow, kinds: AnswerKind[]): Binding {
  const register = registerClasses[row.register]!;
  const kind = kindOf(register, row.attribute);
  if (!kinds.includes(kind)) kinds.push(kind);
  const attribute = register.attributes[row.attribute] as Attribute<unknown>;
  return { row, kind, place: kinds.indexOf(kind), attribute };
}
