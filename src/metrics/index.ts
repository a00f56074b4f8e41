// Metrics of a bridge for Prometheus: the parts' counters and the latest values come in when somebody asks; text goes out, on a
// port of its own or through the web server.
import { messageOf } from "../log/log.ts";
import { Notices } from "../log/notices.ts";
import { keepListening } from "../net/listening.ts";
import { systemClock } from "../time/clock.ts";
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
  /** Whether there is a port of its own. */
  readonly hasPort: boolean;
  /** Address of that port; undefined while it cannot be opened. */
  readonly url?: string | undefined;
  stop(): Promise<void>;
}

/**
 * Starts counting, and listening where `metrics.port` is set. A port that is taken is reported and tried again.
 */
export async function startMetrics(options: StartOptions): Promise<RunningMetrics> {
  const { host, port } = options.settings;
  const metrics = createMetrics(options);
  const { contentType } = metrics;
  const text = () => metrics.text();
  if (port === undefined) return { contentType, text, hasPort: false, stop: async () => metrics.stop() };
  const log = options.log.part("metrics");
  const notices = new Notices(options.bus, log, systemClock);
  const listening = await keepListening(
    async () => {
      const listener = await listen(metrics, { host, port }, log);
      log.info("metrics are served", { url: listener.url });
      return listener;
    },
    (error) => {
      const text = `metrics cannot be served at ${host} port ${port}: ${messageOf(error)}. Set metrics.port; the bridge runs without them and tries again`;
      notices.say("error", "metrics_not_open", text);
    },
  );
  return {
    ...{ contentType, text, hasPort: true },
    get url() {
      return listening.server?.url;
    },
    async stop() {
      await listening.stop();
      metrics.stop();
    },
  };
}
