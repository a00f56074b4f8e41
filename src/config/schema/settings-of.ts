import { innerSchema, type Schema } from "./schema.ts";

/**
 * The type of a value that a schema has checked, as {@link settingsOf} returns it. Settings with a default are present; null, which
 * stands for "left out", is absent.
 */
export type SettingsOf<S> = S extends { readonly enum: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly type: infer Type }
    ? OfType<S, Type extends readonly (infer Each)[] ? Each : Type>
    : unknown;

type OfType<S, Type> = Type extends keyof Scalars
  ? Scalars[Type]
  : Type extends "array"
    ? readonly SettingsOf<S extends { readonly items: infer Item } ? Item : unknown>[]
    : S extends { readonly properties: infer P }
      ? { readonly [K in keyof P as Name<K, P[K], IsPresent<S, K, P[K]>, true>]: SettingsOf<P[K]> } & {
          readonly [K in keyof P as Name<K, P[K], IsPresent<S, K, P[K]>, false>]?: SettingsOf<P[K]>;
        }
      : Readonly<
          Record<string, S extends { readonly additionalProperties: infer A } ? SettingsOf<A> : unknown>
        >;

type Scalars = { string: string; number: number; integer: number; boolean: boolean; null: never };

type IsPresent<S, K, Setting> = Setting extends { readonly default: infer Preset }
  ? null extends Preset
    ? false
    : true
  : S extends { readonly required: readonly (infer Required)[] }
    ? K extends Required
      ? true
      : false
    : false;

type Name<K, Setting, Present, Wanted> = Setting extends { readonly "x-unused": string }
  ? never
  : Present extends Wanted
    ? Setting extends { readonly "x-unit": infer Unit extends string }
      ? `${Camel<K & string>}${Capitalize<Unit>}`
      : Camel<K & string>
    : never;

type Camel<K extends string> = K extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : K;

/**
 * Returns a checked value with its settings named as the code names them: `retry_period` in seconds becomes `retryPeriodSeconds`.
 * Keys that the schema does not list (names of groups, settings of a backend or a driver) stay as they are.
 */
export function settingsOf<S extends Schema>(value: unknown, schema: S): SettingsOf<S> {
  return named(value, schema) as SettingsOf<S>;
}

function named(value: unknown, schema: Schema | undefined): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => named(item, schema?.items));
  const settings = Object.entries(value).flatMap(([key, inner]) => {
    const setting = innerSchema(schema, key);
    if (!setting) return [[key, inner]];
    if (inner === null || setting["x-unused"]) return [];
    return [
      [Object.hasOwn(schema?.properties ?? {}, key) ? nameOf(key, setting) : key, named(inner, setting)],
    ];
  });
  return Object.fromEntries(settings);
}

/** Returns the name of a setting in the code. */
export function nameOf(key: string, { "x-unit": unit = "" }: Schema): string {
  return `${key}_${unit}`.replace(/_(\w?)/g, (_, letter: string) => letter.toUpperCase());
}
