import type { Measure, PointType } from "../../../points/index.ts";
import type { AnswerKind, Answers } from "../account/answers.ts";

/** Level of an attribute: the station (no `Port #`), a port (`Port #` required), or either. */
export type Level = "station" | "port" | "either";

/** What a write to the attribute does; see `../control/`. */
export type Control = "allowedLoad" | "percentShed" | "shedState" | "clearAlarms";

/** The description of an attribute in the docs and the shipped registries, which `npm run update` writes. */
export interface Description {
  readonly type: PointType;
  /** Absent: none. */
  readonly unit?: string;
  readonly meaning: string;
  /** The value identifies a driver or a vehicle. */
  readonly personal?: boolean;
  readonly measure?: Measure;
  /** Master data that is not in an answer of master data. */
  readonly nameplate?: boolean;
  /** The service's texts, where they are known. */
  readonly words?: readonly string[];
}

/**
 * One value of a register class. `read` gets the account's answer for the station and the port asked for, and returns the
 * value as the service sent it; null means "no value". It throws {@link PortMissingError} for a port that is missing from
 * the answer.
 */
export interface Attribute<Answer> extends Description {
  readonly level: Level;
  read(answer: Answer, port: string | undefined): unknown;
  readonly control?: Control;
  /** For a limit: whether none is in force. The value read then, usually 0, does not mean "stop". */
  isNoLimit?(answer: Answer, port: string | undefined): boolean;
  /** A timestamp that the service updates although nothing has changed. */
  readonly movesAlone?: true;
  /** The kind of answer that it is read from, where that is not its class's. */
  readonly kind?: AnswerKind;
}

/** A `Register Name` of the registry CSV: the answer of one operation, and the attributes read from it. */
export interface RegisterClass<K extends AnswerKind = AnswerKind> {
  readonly kind: K;
  readonly attributes: Readonly<Record<string, Attribute<Answers[K]>>>;
}

/**
 * Returns why an answer means that the network does not reach the station: by its `networkStatus`, or where it has none by the
 * `Status` of all ports. Undefined where the network reaches it, or does not tell.
 */
export function unreachableBy(answer: unknown): string | undefined {
  const { networkStatus, Port } = answer as {
    networkStatus?: unknown;
    Port?: readonly { readonly Status?: unknown }[];
  };
  if (typeof networkStatus === "string" && networkStatus.trim() !== "")
    return isUnreachable(networkStatus) ? BY_STATION : undefined;
  const ports = Port ?? [];
  return ports.length > 0 && ports.every(({ Status }) => isUnreachable(Status)) ? BY_PORTS : undefined;
}

const BY_STATION = "ChargePoint cannot reach the station (networkStatus UNREACHABLE)";
const BY_PORTS = "ChargePoint cannot reach the station (Status UNREACHABLE of every port)";

function isUnreachable(word: unknown): boolean {
  return typeof word === "string" && word.trim().toUpperCase() === "UNREACHABLE";
}

/** Returns the kind of answer from which an attribute of a class is read. */
export function kindOf(register: RegisterClass, attribute: string): AnswerKind {
  return register.attributes[attribute]?.kind ?? register.kind;
}

/** Kinds of answers with master data: of stations, their ports and prices, and the account's rights. */
const MASTER_DATA: ReadonlySet<AnswerKind> = new Set(["station", "publicStation", "rights"]);

/** Returns whether the values of an attribute of a class hardly ever change. */
export function isNameplate(register: RegisterClass, attribute: string): boolean {
  return register.attributes[attribute]?.nameplate === true || MASTER_DATA.has(kindOf(register, attribute));
}

/** Marks attributes as read from another answer than their class's. */
export function from<K extends AnswerKind>(
  kind: K,
  attributes: Readonly<Record<string, Attribute<Answers[K]>>>,
): Record<string, Attribute<never>> {
  const entries = Object.entries(attributes).map(([name, attribute]) => [name, { ...attribute, kind }]);
  return Object.fromEntries(entries) as Record<string, Attribute<never>>;
}

/** The port that the registry row names is missing from the station's answer. */
export class PortMissingError extends Error {
  override readonly name = "PortMissingError";

  constructor(stationID: string | null, port: string, ports: readonly (string | null)[]) {
    const known = ports.filter((p) => p !== null);
    super(
      `station ${stationID} has no port "${port}"; ${known.length > 0 ? `it has ${known.join(", ")}` : "its answer names none"}`,
    );
  }
}

interface WithPorts<P extends { portNumber: string | null }> {
  readonly stationID: string | null;
  readonly Port: readonly P[];
}

/** Returns the port of the answer with that number, never by its position. */
export function portOf<P extends { portNumber: string | null }>(answer: WithPorts<P>, port: string): P {
  const found = answer.Port.find((candidate) => candidate.portNumber === port);
  if (found) return found;
  throw new PortMissingError(
    answer.stationID,
    port,
    answer.Port.map((candidate) => candidate.portNumber),
  );
}

/** Selects some of the elements. */
export function pick<Name extends string, Picked extends Name>(
  described: Readonly<Record<Name, Description>>,
  names: readonly Picked[],
): Record<Picked, Description> {
  return Object.fromEntries(names.map((name) => [name, described[name]])) as Record<Picked, Description>;
}

/** Returns attributes that are elements of the same name, all at one level. */
export function elements<Answer, Name extends string>(
  level: Level,
  described: Readonly<Record<Name, Description>>,
  read: (answer: Answer, name: Name, port: string | undefined) => unknown,
): Record<Name, Attribute<Answer>> {
  // All of one shape, which V8 reads faster.
  const attributes = Object.entries<Description>(described).map(
    ([name, { type, unit, meaning, personal, measure, nameplate, words }]) => [
      name,
      {
        level,
        type,
        unit,
        meaning,
        personal,
        measure,
        nameplate,
        words,
        read: (answer: Answer, port: string | undefined) => read(answer, name as Name, port),
      },
    ],
  );
  return Object.fromEntries(attributes) as Record<Name, Attribute<Answer>>;
}

/** Returns the records of a port, or of the whole station where the row names none. */
export function ofPort<R extends { portNumber: string | null }>(
  records: readonly R[],
  port: string | undefined,
): readonly R[] {
  return port === undefined ? records : records.filter((record) => record.portNumber === port);
}
