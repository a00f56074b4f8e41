/** The device has no such point. */
export class PointNotFoundError extends Error {
  override readonly name = "PointNotFoundError";
  readonly device: string;
  readonly point: string;

  constructor(device: string, point: string, suggestion?: string) {
    super(`device ${device} has no point "${point}"${suggestion ? `; did you mean "${suggestion}"?` : ""}`);
    this.device = device;
    this.point = point;
  }
}

/** The point's registry row does not say `Writable` TRUE, or its register cannot be written. */
export class PointReadOnlyError extends Error {
  override readonly name = "PointReadOnlyError";

  constructor(device: string, point: string, why = 'its registry row does not have Writable = "TRUE"') {
    super(`point "${point}" of device ${device} cannot be written: ${why}`);
  }
}

/** The point cannot take the value: wrong type or out of range. Nothing was sent. */
export class InvalidValueError extends Error {
  override readonly name = "InvalidValueError";

  constructor(device: string, point: string, value: unknown, expected: string) {
    super(
      `${JSON.stringify(value) ?? String(value)} is not a valid value for point "${point}" of device ${device}: expected ${expected}`,
    );
  }
}

/** The driver refuses the write because of the device's state, which the caller can change. Nothing was sent. */
export class WriteRefusedError extends Error {
  override readonly name: string = "WriteRefusedError";
}

/**
 * A write ended what was in force in the device and then failed: `releases` as in a WriteOutcome. `uncertain`: keys of what
 * may have ended with it.
 */
export class HalfDoneError extends Error {
  override readonly name = "HalfDoneError";
  readonly releases: readonly string[];
  readonly uncertain: readonly string[];

  constructor(
    message: string,
    releases: readonly string[],
    options?: ErrorOptions & { uncertain?: readonly string[] },
  ) {
    super(message, options);
    this.releases = releases;
    this.uncertain = options?.uncertain ?? [];
  }
}

/**
 * The service answered with a refusal. Drivers throw their own subclass; other parts need only these fields. `code` is the
 * service's own (for ChargePoint the responseCode of guide §3).
 */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, code: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
  }
}

/**
 * Returns whether a failed write may still have reached the device: it was sent and no answer arrived. A driver's own
 * errors have a property `sent` for it.
 */
export function mayHaveBeenTaken(error: unknown): boolean {
  return (error as { sent?: unknown } | null)?.sent === true;
}
