type Kind = "string" | "number" | "boolean" | "value" | "string?" | "number?" | "boolean?" | "value?";

/** Types of a record's fields; `value` is any JSON value, numbers are finite, `?` marks an optional field. */
export type Shape<T> = { readonly [K in keyof T]-?: Kind | ((value: unknown) => boolean) };

/** Returns a check for records read from disk. Fields that the shape lacks are ignored. */
export function recordOf<T>(shape: Shape<T>): (value: unknown) => value is T {
  const fields = Object.entries(shape) as [string, Kind | ((value: unknown) => boolean)][];
  return (value): value is T => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return fields.every(([name, kind]) => {
      const field = (value as Record<string, unknown>)[name];
      return typeof kind === "function" ? kind(field) : isOfKind(field, kind);
    });
  };
}

function isOfKind(field: unknown, kind: Kind): boolean {
  const optional = kind.endsWith("?");
  if (field === undefined) return optional;
  const wanted = optional ? kind.slice(0, -1) : kind;
  if (wanted === "value") return true;
  return wanted === "number" ? Number.isFinite(field) : typeof field === wanted;
}
