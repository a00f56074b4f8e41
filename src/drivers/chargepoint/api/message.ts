/**
 * Descriptions of SOAP messages, used by client and simulator, and the typed values that they carry.
 *
 * A description lists elements in wire order. `Of<typeof description>` is the TypeScript type of its values: scalars are
 * `T | null` (an absent or empty element, or the text `None`, means "no value"), lists are always arrays.
 */

export type Scalar =
  | "string"
  | "int"
  | "long"
  | "decimal"
  | "double"
  | "boolean"
  | "dateTime"
  | "date"
  | "time";

/** The properties of every kind of field. */
interface Description {
  /** Other spellings found on the wire; read, never sent. */
  readonly also: readonly string[];
  readonly doc: string;
  /** Whether the guide requires it wherever its parent element is present. The client does not enforce it. */
  readonly required?: boolean;
}

export interface ScalarField<T = unknown> extends Description {
  readonly kind: "scalar";
  readonly type: Scalar;
  /** The documented values, as spelt on the wire. Others are read and written too. */
  readonly values?: readonly string[];
  /** Elements that some callers put around it; accepted when reading, never sent. */
  readonly within?: readonly string[];
  /** Decimals when written; absent: as many as needed, at most three for type decimal. */
  readonly fixed?: number;
  /** Phantom: the type of the value. */
  readonly value?: T;
}

export interface GroupField<F extends Fields = Fields> extends Description {
  readonly kind: "group";
  readonly fields: F;
  /**
   * Whether its elements must be in exactly this order (xsd:sequence) or may be in any (xsd:all). Only strict reading
   * checks it.
   */
  readonly sequence: boolean;
}

export interface ListField<E extends ScalarField | GroupField = ScalarField | GroupField>
  extends Description {
  readonly kind: "list";
  readonly element: E;
}

export type Field = ScalarField | GroupField | ListField;
export type Fields = { readonly [name: string]: Field };

/** The value of a field when read. */
export type Value<F> =
  F extends ScalarField<infer T>
    ? T | null
    : F extends ListField<infer E>
      ? NonNullable<Value<E>>[]
      : F extends GroupField<infer G>
        ? Of<G> | null
        : never;

/** The value of a message or group when read: every element is present. */
export type Of<G extends Fields> = { [K in keyof G]: Value<G[K]> };

/** The value of a message when written: omitted elements are not sent; null is sent as an empty element. */
export type Draft<G extends Fields> = { [K in keyof G]?: DraftValue<G[K]> | null };
type DraftValue<F> =
  F extends ScalarField<infer T>
    ? T
    : F extends ListField<infer E>
      ? DraftValue<E>[]
      : F extends GroupField<infer G>
        ? Draft<G>
        : never;

export type FieldOptions = Partial<Pick<Description, "also" | "required">>;
type ScalarOptions = FieldOptions & Pick<ScalarField, "fixed" | "values" | "within">;

function scalar<T>(type: Scalar) {
  return (doc = "", options: ScalarOptions = {}): ScalarField<T> => ({
    kind: "scalar",
    type,
    doc,
    also: [],
    ...options,
  });
}

/** Text. IDs, serial numbers, postal codes and port numbers are text even where they look like numbers. */
export const string = scalar<string>("string");
export const int = scalar<number>("int");
/** 64-bit whole number, kept as text: a double loses digits. */
export const long = scalar<string>("long");
export const decimal = scalar<number>("decimal");
export const double = scalar<number>("double");
/** Written as `true` or `false`; read in any case, and as 0 or 1. */
export const boolean = scalar<boolean>("boolean");
/** ISO 8601 text as on the wire; without a zone it is UTC (§1.2). */
export const dateTime = scalar<string>("dateTime");
export const date = scalar<string>("date");
export const time = scalar<string>("time");

type GroupOptions = FieldOptions & Partial<Pick<GroupField, "sequence">>;

export function group<F extends Fields>(fields: F, doc = "", options: GroupOptions = {}): GroupField<F> {
  return { kind: "group", fields, sequence: false, doc, also: [], ...options };
}

export function list<E extends ScalarField | GroupField>(
  element: E,
  doc = "",
  options: FieldOptions = {},
): ListField<E> {
  return { kind: "list", element, doc, also: [], ...options };
}

/** The first elements of an answer: a code of guide §3 and its text. */
export const result = { responseCode: string(), responseText: string() };

/** One operation of the web services, as client and simulator share it. */
export interface Operation<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly name: string;
  /** Alternative names; accepted when reading, never sent. */
  readonly also?: readonly string[];
  /** What it does, in a sentence. */
  readonly doc: string;
  /** Who may call it and what limits its answer, where the guide says so. */
  readonly restrictions?: string;
  /** Section of the guide, or another source. */
  readonly section: string;
  readonly effect: "read" | "write";
  readonly request: Request;
  /** Whether the request's elements must be in exactly this order, as in a {@link GroupField} that is a sequence. */
  readonly sequence?: boolean;
  readonly response: Response;
  /** Whether the answer carries a responseCode; false for getCPNInstances. */
  readonly coded: boolean;
  /** For a write: codes besides 100 that mean success, such as "no alarms" when clearing them. */
  readonly doneCodes?: readonly string[];
  /** How its pages are walked; absent where the answer is complete. */
  readonly paging?: Paging;
}

export interface Paging {
  /** Number of records in a page where the request does not set it. */
  readonly size: number;
  /** Maximum number of records that can be requested; absent: `size`. */
  readonly maxSize?: number;
  /** Name of the list in the response. */
  readonly records: string;
  /** Group of the response that contains the list, where it is not at the top level. */
  readonly recordsIn?: string;
  /** Element of the search query that sets the page size, where there is one. */
  readonly sizeElement?: string;
  /** List inside each record whose elements startRecord counts, where it does not count the records. */
  readonly countedElement?: string;
  /** Element of the response that indicates whether there are more records. */
  readonly moreElement: "moreFlag" | "MoreFlag";
  /** Group of the response that contains it, where it is not at the top level. */
  readonly moreIn?: string;
}

/**
 * Completes a description; answers are coded unless it says otherwise. Keeps its literal types, from which the record type
 * of a paged answer is derived.
 */
export function operation<const O extends Omit<Operation, "coded"> & Partial<Pick<Operation, "coded">>>(
  description: O,
): O & Pick<Operation, "coded"> {
  return { coded: true, ...description };
}

export type RequestOf<O> = O extends Operation<infer Q, Fields> ? Draft<Q> : never;
export type ResponseOf<O> = O extends Operation<Fields, infer A> ? Of<A> : never;
