import { endOf, fromBase64, inBase64 } from "./keys.ts";

/** A key with its value, as etcd's JSON gateway writes it: 64-bit numbers are text, zeros are absent. */
export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly lease?: string;
}

export interface RangeAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

export interface TxnAnswer {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: RangeAnswer }[];
}

export interface Txn {
  readonly compare: readonly object[];
  readonly success: readonly object[];
  readonly failure: readonly object[];
}

export const isAbsent = (key: string) => ({
  ...{ key: inBase64(key), target: "VERSION", result: "EQUAL", version: "0" },
});

export const hasValue = (key: string, value: string) => ({
  ...{ key: inBase64(key), target: "VALUE", result: "EQUAL", value: inBase64(value) },
});

export const createdAt = (key: string, revision: string) => ({
  ...{ key: inBase64(key), target: "CREATE", result: "EQUAL", create_revision: revision },
});

export const changedAt = (key: string, revision: string) => ({
  ...{ key: inBase64(key), target: "MOD", result: "EQUAL", mod_revision: revision },
});

export const hasLease = (key: string, lease: string) => ({
  ...{ key: inBase64(key), target: "LEASE", result: "EQUAL", lease },
});

export const putting = (key: string, value: string, lease = "0") => ({
  request_put: { key: inBase64(key), value: inBase64(value), lease },
});

export const removing = (key: string) => ({ request_delete_range: { key: inBase64(key) } });

export const reading = (key: string) => ({ request_range: { key: inBase64(key) } });

export const underPrefix = (prefix: string) => ({ key: inBase64(prefix), range_end: endOf(prefix) });

/** Returns the key that the read at a place of a transaction's answer found. */
export function foundAt(answer: TxnAnswer, place: number): KeyValue | undefined {
  return answer.responses?.[place]?.response_range?.kvs?.[0];
}

export function textOf(found: KeyValue): string {
  return fromBase64(found.value);
}
