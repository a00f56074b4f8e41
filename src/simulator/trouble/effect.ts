/** Replaces the answer; the request is not carried out. */
export type InsteadEffect =
  /** A response code instead of the answer. */
  | { readonly kind: "code"; readonly code: string; readonly text?: string }
  /** A SOAP Fault; `status` 500 where not given. */
  | { readonly kind: "fault"; readonly code: string; readonly text: string; readonly status?: number }
  /** An HTTP status without SOAP. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  /** `status` 302 where not given. */
  | { readonly kind: "redirect"; readonly location: string; readonly status?: number }
  /** A page for people, with status 200, as from proxies and log-in pages. */
  | { readonly kind: "html" }
  /** A document that is small or simple to send but overloads a careless reader. */
  | { readonly kind: "bomb"; readonly shape: BombShape }
  /** A document that refers to another place, which must not be requested. */
  | { readonly kind: "externalEntity"; readonly url: string }
  /** An answer of that many megabytes (200), compressed where `packed`. */
  | { readonly kind: "large"; readonly megabytes?: number; readonly packed?: boolean }
  /** No answer, while this trouble lasts or the caller waits. */
  | { readonly kind: "hang" }
  /** The connection is reset. */
  | { readonly kind: "reset" };

/** Entities that multiply, one long entity over and over, deep nesting, very many attributes. */
export type BombShape = "entities" | "quadratic" | "depth" | "attributes";

/** Delivers the unchanged answer badly; the request is carried out. */
export type DeliveryEffect =
  /** Delays the whole answer. */
  | { readonly kind: "delay"; readonly seconds: number }
  /** Sends the head letter by letter over this time. */
  | { readonly kind: "slowHeaders"; readonly seconds: number }
  /** Sends the body at this rate. */
  | { readonly kind: "drip"; readonly bytesPerSecond: number }
  /** Sends nothing after this many bytes of the body; the connection stays open. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** Ends the connection after this many bytes of the body. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Ends the connection before the first byte. */
  | { readonly kind: "lost" }
  /** Content-Length is too large, or too small, by this many bytes. */
  | { readonly kind: "length"; readonly by: number }
  /** Without Content-Length, in chunks of this many bytes (100). */
  | { readonly kind: "chunked"; readonly chunkBytes?: number }
  /** Compressed even where not requested; `broken`: it cannot be decompressed. */
  | { readonly kind: "gzip"; readonly broken?: boolean }
  /** It contains bytes that are not UTF-8. */
  | { readonly kind: "badUtf8" };

/** Changes the contents of the answer; the request is carried out. */
export type ContentEffect =
  /** Ports of a station in reverse order, or one of them (the first) omitted. */
  | { readonly kind: "ports"; readonly how: "reversed" | "missing"; readonly portNumber?: string }
  /** This station's ID replaces every other. */
  | { readonly kind: "otherStation"; readonly shown: string }
  /** Every element with that name is omitted, empty, nil, or contains `text` (`None` where not given). */
  | {
      readonly kind: "element";
      readonly name: string;
      readonly becomes: "absent" | "empty" | "nil" | "text";
      readonly text?: string;
    }
  /** Adds unknown elements at every level. */
  | { readonly kind: "extraElements" }
  /** Reverses the order of the elements at every level. */
  | { readonly kind: "order" }
  /** White space around the response code. */
  | { readonly kind: "paddedCode" };

/**
 * Pages of a paged read that do not end. `more`: every page announces more, including the last; `empty`: so do pages beyond
 * the end, which are empty; `repeated`: every page is the first one; `endless`: the same, with increasing record numbers.
 */
export interface PagingEffect {
  readonly kind: "paging";
  readonly how: "more" | "empty" | "repeated" | "endless";
}

/** Delay until a write shows, in seconds of the world's clock; it takes effect at once. */
export interface LateEffect {
  readonly kind: "late";
  readonly seconds: number;
}

/** Stages of a request at which troubles apply. At most one applies at each stage, so that troubles can be combined. */
export interface EffectAt {
  readonly instead: InsteadEffect;
  readonly paging: PagingEffect;
  readonly content: ContentEffect;
  readonly delivery: DeliveryEffect;
  readonly late: LateEffect;
}
export type Stage = keyof EffectAt;

/** The effect of a trouble. */
export type Effect = EffectAt[Stage];
export type EffectKind = Effect["kind"];

export const STAGES: Readonly<Record<EffectKind, Stage>> = {
  code: "instead",
  fault: "instead",
  status: "instead",
  redirect: "instead",
  html: "instead",
  bomb: "instead",
  externalEntity: "instead",
  large: "instead",
  hang: "instead",
  reset: "instead",
  paging: "paging",
  ports: "content",
  otherStation: "content",
  element: "content",
  extraElements: "content",
  order: "content",
  paddedCode: "content",
  delay: "delivery",
  slowHeaders: "delivery",
  drip: "delivery",
  stall: "delivery",
  cut: "delivery",
  lost: "delivery",
  length: "delivery",
  chunked: "delivery",
  gzip: "delivery",
  badUtf8: "delivery",
  late: "late",
};
