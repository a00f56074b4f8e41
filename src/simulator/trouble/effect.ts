/** Takes the place of the answer; what is asked for is not done. */
export type InsteadEffect =
  /** A response code instead of the answer. */
  | { readonly kind: "code"; readonly code: string; readonly text?: string }
  /** A SOAP Fault; `status` 500 where not given. */
  | { readonly kind: "fault"; readonly code: string; readonly text: string; readonly status?: number }
  /** An HTTP status without SOAP. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  /** `status` 302 where not given. */
  | { readonly kind: "redirect"; readonly location: string; readonly status?: number }
  /** A page for people, with status 200, as proxies and log-in pages send. */
  | { readonly kind: "html" }
  /** A document that is small on the wire or simple to send, and too much for a careless reader. */
  | { readonly kind: "bomb"; readonly shape: BombShape }
  /** A document that refers to another place, which nobody should call. */
  | { readonly kind: "externalEntity"; readonly url: string }
  /** An answer of so many megabytes (200), compressed where `packed`. */
  | { readonly kind: "large"; readonly megabytes?: number; readonly packed?: boolean }
  /** No answer, for as long as this trouble lasts or the caller waits. */
  | { readonly kind: "hang" }
  /** The connection is reset. */
  | { readonly kind: "reset" };

/** Entities that multiply, one long entity over and over, deep nesting, very many attributes. */
export type BombShape = "entities" | "quadratic" | "depth" | "attributes";

/** The answer as it is, badly delivered; what is asked for is done. */
export type DeliveryEffect =
  /** Everything comes so much later. */
  | { readonly kind: "delay"; readonly seconds: number }
  /** The head comes letter by letter, over so long. */
  | { readonly kind: "slowHeaders"; readonly seconds: number }
  /** The body comes at this pace. */
  | { readonly kind: "drip"; readonly bytesPerSecond: number }
  /** After so many bytes of the body nothing comes any more; the connection stays. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** After so many bytes of the body the connection ends. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The connection ends before the first byte. */
  | { readonly kind: "lost" }
  /** Content-Length says so many bytes more, or less, than there are. */
  | { readonly kind: "length"; readonly by: number }
  /** Without Content-Length, in pieces of so many bytes (100). */
  | { readonly kind: "chunked"; readonly chunkBytes?: number }
  /** Compressed, whether asked for or not; `broken`: it cannot be unpacked. */
  | { readonly kind: "gzip"; readonly broken?: boolean }
  /** Bytes that are no UTF-8 stand in it. */
  | { readonly kind: "badUtf8" };

/** The answer with its contents changed; what is asked for is done. */
export type ContentEffect =
  /** Ports of a station in reverse order, or one of them (the first) left out. */
  | { readonly kind: "ports"; readonly how: "reversed" | "missing"; readonly portNumber?: string }
  /** This station's ID in place of every other. */
  | { readonly kind: "otherStation"; readonly shown: string }
  /** Every element of that name is left out, empty, nil, or holds `text` (`None` where not given). */
  | {
      readonly kind: "element";
      readonly name: string;
      readonly becomes: "absent" | "empty" | "nil" | "text";
      readonly text?: string;
    }
  /** Elements that nobody knows stand among the others, at every level. */
  | { readonly kind: "extraElements" }
  /** The elements come in reverse order, at every level. */
  | { readonly kind: "order" }
  /** White space around the response code. */
  | { readonly kind: "paddedCode" };

/**
 * Pages of a paged read that go on and on. `more`: every page promises more, the last one too; `empty`: so do pages
 * beyond the end, which hold nothing; `repeated`: every page is the first one; `endless`: the same, with record
 * numbers that go on.
 */
export interface PagingEffect {
  readonly kind: "paging";
  readonly how: "more" | "empty" | "repeated" | "endless";
}

/** What a write does to a station shows so much later, in seconds of the world's clock; it is done at once. */
export interface LateEffect {
  readonly kind: "late";
  readonly seconds: number;
}

/** Where on its way a request meets a trouble. At each place it meets one at most, so that troubles can be combined. */
export interface EffectAt {
  readonly instead: InsteadEffect;
  readonly paging: PagingEffect;
  readonly content: ContentEffect;
  readonly delivery: DeliveryEffect;
  readonly late: LateEffect;
}
export type Stage = keyof EffectAt;

/** What goes wrong. */
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
