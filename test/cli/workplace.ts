import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A temporary folder with files that only the owner can read. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "voltbridge-cli-"));

  constructor(files: Readonly<Record<string, unknown>> = {}) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  at(path: string): string {
    return join(this.folder, path);
  }

  /** Text as it is, anything else as JSON. */
  write(path: string, content: unknown): string {
    const file = this.at(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2), {
      mode: 0o600,
    });
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
