/** Exit codes of contracts.md. */
export const EXIT = { done: 0, failed: 1, usage: 2, internal: 70, configuration: 78 } as const;

/** Ends a command with a message for the user and an exit code; anything else that is thrown is an internal fault. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
