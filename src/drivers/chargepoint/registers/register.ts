import type { PointType } from "../../../points/index.ts";
import type { AnswerKind, Answers } from "../account/answers.ts";

/** Where an attribute lives: on the station (no `Port #`), on a port (`Port #` needed), or on either. */
export type Level = "station" | "port" | "either";

/** What a write to the attribute means; see `../control/`. */
export type Control = "allowedLoad" | "percentShed" | "shedState" | "clearAlarms";

/** What the docs and the shipped registries say of an attribute; `npm run update` writes it there. */
export interface Description {
  readonly type: PointType;
  /** Absent: none. */
  readonly unit?: string;
  readonly meaning: string;
}

/**
 * One value of a register class. `read` gets the account's answer for the station and the port asked for, and gives
 * the value as the service wrote it; null is "no value". It throws {@link PortMissingError} for a port that the
 * answer does not have.
 */
export interface Attribute<Answer> extends Description {
  readonly level: Level;
  read(answer: Answer, port: string | undefined): unknown;
  readonly control?: Control;
  /** Of a limit: whether none is in force. What is read then, mostly 0, does not mean "stop". */
  isNoLimit?(answer: Answer, port: string | undefined): boolean;
  /** A time that the service sets anew again and again though nothing has changed. */
  readonly movesAlone?: true;
  /** The answer that it is read from, where that is another one than its class's. */
  readonly kind?: AnswerKind;
}

/** A `Register Name` of the registry CSV: one operation's answer, and what can be had from it. */
export interface RegisterClass<K extends AnswerKind = AnswerKind> {
  readonly kind: K;
  readonly attributes: Readonly<Record<string, Attribute<Answers[K]>>>;
}

/** Whether the network reaches a station, where its answer says so: REACHABLE or UNREACHABLE, in any case. */
export function isUnreachable(answer: unknown): boolean {
  const { networkStatus } = answer as { networkStatus?: unknown };
  return typeof networkStatus === "string" && networkStatus.trim().toUpperCase() === "UNREACHABLE";
}

/** The answer from which an attribute of a class is read. */
export function kindOf(register: RegisterClass, attribute: string): AnswerKind {
  return register.attributes[attribute]?.kind ?? register.kind;
}

/** Attributes of a class that are read from another answer than the class's own. */
export function from<K extends AnswerKind>(
  kind: K,
  attributes: Readonly<Record<string, Attribute<Answers[K]>>>,
): Record<string, Attribute<never>> {
  const entries = Object.entries(attributes).map(([name, attribute]) => [name, { ...attribute, kind }]);
  return Object.fromEntries(entries) as Record<string, Attribute<never>>;
}

/** The station's answer does not have the port that the registry row names. */
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

/** The port of the answer, matched by its number and never by its place. */
export function portOf<P extends { portNumber: string | null }>(answer: WithPorts<P>, port: string): P {
  const found = answer.Port.find((candidate) => candidate.portNumber === port);
  if (found) return found;
  throw new PortMissingError(
    answer.stationID,
    port,
    answer.Port.map((candidate) => candidate.portNumber),
  );
}

/** Some of the elements. */
export function pick<Name extends string, Picked extends Name>(
  described: Readonly<Record<Name, Description>>,
  names: readonly Picked[],
): Record<Picked, Description> {
  return Object.fromEntries(names.map((name) => [name, described[name]])) as Record<Picked, Description>;
}

/** Attributes that are elements of the same name, all at one level. */
export function elements<Answer, Name extends string>(
  level: Level,
  described: Readonly<Record<Name, Description>>,
  read: (answer: Answer, name: Name, port: string | undefined) => unknown,
): Record<Name, Attribute<Answer>> {
  // All of one shape, which V8 reads faster.
  const attributes = Object.entries<Description>(described).map(([name, { type, unit, meaning }]) => [
    name,
    {
      level,
      type,
      unit,
      meaning,
      read: (answer: Answer, port: string | undefined) => read(answer, name as Name, port),
    },
  ]);
  return Object.fromEntries(attributes) as Record<Name, Attribute<Answer>>;
}

/** Records of a port, or of the whole station where the row names none. */
export function ofPort<R extends { portNumber: string | null }>(
  records: readonly R[],
  port: string | undefined,
): readonly R[] {
  return port === undefined ? records : records.filter((record) => record.portNumber === port);
}
