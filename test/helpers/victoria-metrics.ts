import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, freePort } from "./mosquitto.ts";
import { ServerProcess } from "./server-process.ts";

export const victoriaMetricsInstalled = findProgram("victoria-metrics") !== undefined;

/** A real VictoriaMetrics on a free port of 127.0.0.1, with a folder of its own. */
export class VictoriaMetrics {
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "victoria-metrics-"));
  readonly #server = new ServerProcess();

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** One that has these samples of the past: lines in Prometheus' text format, with times in milliseconds. */
  static async withSamples(lines: string): Promise<VictoriaMetrics> {
    const port = await freePort();
    const server = new VictoriaMetrics(port);
    const answers = (path: string, init?: RequestInit) =>
      fetch(`${server.url}${path}`, init).then(
        ({ ok }) => ok,
        () => false,
      );
    await server.#server.start({
      program: findProgram("victoria-metrics")!,
      args: [
        ...[`-storageDataPath=${server.#folder}`, `-httpListenAddr=127.0.0.1:${port}`],
        ...["-retentionPeriod=100y", "-search.latencyOffset=0s", "-memory.allowedBytes=100MB"],
      ],
      answers: () => answers("/health"),
      deadlineMs: 20_000,
    });
    if (!(await answers("/api/v1/import/prometheus", { method: "POST", body: lines })))
      throw new Error("VictoriaMetrics did not take the samples");
    // What was imported can be asked for from then on.
    await answers("/internal/force_flush");
    return server;
  }

  async dispose(): Promise<void> {
    await this.#server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
