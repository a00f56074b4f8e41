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
  /** By point. */
  readonly bindings: ReadonlyMap<string, Binding>;
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
  const kinds = [...new Set(rows.map(kindOfRow))];
  const fresh = kinds.filter((kind) => !SELDOM.has(kind));
  const telling = new Set(fresh.length > 0 ? fresh : kinds);
  const bindings = new Map(rows.map((row) => [row.point.name, bind(row, kinds)]));
  const portDetails = rows.some(
    (row) => kindOfRow(row) === "status" && PORT_DETAIL_ATTRIBUTES.has(row.attribute),
  );
  const all = [...bindings.values()];
  const bound = {
    ...{ bindings, kinds, telling, portDetails },
    movingTimes: new Set(
      all.filter(({ attribute }) => attribute.movesAlone).map(({ row }) => row.point.name),
    ),
    limits: all.filter(({ attribute }) => attribute.isNoLimit),
    noLimits: new Map<string, ReadonlySet<string>>(),
    reachability: REACHABILITY.find((kind) => kinds.includes(kind)),
  };
  known.set(rows, bound);
  return bound;
}

function kindOfRow(row: RegistryRow): AnswerKind {
  return kindOf(registerClasses[row.register]!, row.attribute);
}

function bind(row: RegistryRow, kinds: readonly AnswerKind[]): Binding {
  const kind = kindOfRow(row);
  const attribute = registerClasses[row.register]!.attributes[row.attribute] as Attribute<unknown>;
  return { row, kind, place: kinds.indexOf(kind), attribute };
}
