/** The bridge runs no such device. */
export class DeviceNotFoundError extends Error {
  override readonly name = "DeviceNotFoundError";

  constructor(path: string, suggestion?: string) {
    super(`there is no device ${path}${suggestion ? `; did you mean ${suggestion}?` : ""}`);
  }
}

/** The command came too late, or waited too long. Nothing was sent. */
export class CommandExpiredError extends Error {
  override readonly name = "CommandExpiredError";
}
