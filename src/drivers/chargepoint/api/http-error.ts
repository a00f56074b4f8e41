/** The exchange failed. `cause` is the network's error, or the signal's reason. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: "network" | "aborted" | "too large" | "encoding";
  /** Whether the request may have left: it was at least begun on a connection. */
  readonly sent: boolean;

  constructor(kind: HttpError["kind"], sent: boolean, cause?: unknown) {
    super(kind, { cause });
    this.kind = kind;
    this.sent = sent;
  }
}
