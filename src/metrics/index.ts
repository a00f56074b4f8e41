// Metrics of a bridge for Prometheus: the parts' counters and the latest values come in when somebody asks; text goes out, on a
// port of its own or through the web server.
import { listen } from "./listener.ts";
import { createMetrics, type Metrics, type MetricsParts } from "./metrics.ts";

export type { Metrics } from "./metrics.ts";

export interface StartOptions extends MetricsParts {
  readonly settings: MetricsParts["settings"] & {
    readonly host: string;
    /** Absent: there is no port of its own. */
    readonly port?: number;
  };
}

export interface RunningMetrics extends Omit<Metrics, "stop"> {
  /** Address of the port of its own; absent where there is none. */
  readonly url?: string;
  stop(): Promise<void>;
}

/**
 * Starts counting, and listening where `metrics.port` is set.
 * @throws Error where that address cannot be used
 */
export async function startMetrics(options: StartOptions): Promise<RunningMetrics> {
  const { host, port } = options.settings;
  const metrics = createMetrics(options);
  const { contentType } = metrics;
  const text = () => metrics.text();
  if (port === undefined) return { contentType, text, stop: async () => metrics.stop() };
  try {
    const listener = await listen(metrics, { host, port }, options.log.part("metrics"));
    options.log.part("metrics").info("metrics are served", { url: listener.url });
    return {
      ...{ contentType, text, url: listener.url },
      async stop() {
        await listener.stop();
        metrics.stop();
      },
    };
  } catch (error) {
    metrics.stop();
    throw error;
  }
}
