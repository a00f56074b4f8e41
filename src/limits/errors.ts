/** The limit is invalid. Nothing was changed. */
export class InvalidLimitError extends Error {
  override readonly name = "InvalidLimitError";

  constructor(group: string, found: unknown) {
    super(
      `${JSON.stringify(found) ?? String(found)} is not a valid limit for ${group}: expected a number of kW, 0 or more, or null for none; nothing was changed`,
    );
  }
}
