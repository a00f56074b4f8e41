import { Counter, Histogram, type Registry } from "@prometheus-io/client";
import type { Bus } from "../bus.ts";
import type { LimitGroup, RunningDevices } from "../devices/index.ts";
import { LoopDelay } from "../devices/scraping/loop-delay.ts";
import { byKey, type Families, type Series, single, watts } from "./families.ts";

/** Counters of a queue in values, of one moment: accepted = delivered + waiting + dropped + dead-lettered. */
export interface QueueBooks {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: Readonly<Record<string, number>>;
}

/** What the metrics read of a bridge. */
export interface BridgeParts {
  readonly instance: string;
  readonly version: string;
  readonly bus: Bus;
  readonly devices: Pick<RunningDevices, "latest" | "counters" | "accountStates">;
  readonly limits: { limits(): readonly LimitGroup[] };
  readonly mqtt: {
    readonly connected: boolean;
    readonly role: { readonly isActive: boolean };
    readonly counters: { readonly published: number; readonly dropped: number; readonly refused: number };
    /** Undefined before the outbox was read for the first time. */
    readonly outbox: (QueueBooks & { readonly bytes: number; readonly oldest?: Date }) | undefined;
  };
  /** Absent: nothing is stored. */
  readonly archive?: {
    readonly counters: StoreBooks & { readonly also?: Readonly<Record<string, StoreBooks>> };
  };
  /** Absent, or without counters: there are no rules of alerts. */
  readonly alerts?: {
    readonly counters:
      | {
          readonly active: Readonly<Record<string, number>>;
          readonly targets: Readonly<Record<string, AlertMessages>>;
        }
      | undefined;
  };
  /** Absent: files are not loaded again. */
  readonly reloader?: { readonly health: { readonly state: string; readonly loadedAt: string } };
}

interface AlertMessages {
  readonly waiting: number;
  readonly sent: number;
  readonly refused: number;
  readonly dropped: number;
}

type StoreBooks = QueueBooks & { readonly lagSeconds: number; readonly failing?: object };

/** Reasons for dropped values that are shown before there are any, so that a rule sees the first one. */
const NO_DROPS = { limit: 0, disk: 0, damaged: 0, discarded: 0 };
const REQUEST_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];
const DELAY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Creates the metrics of the bridge's parts. Returns a function that updates them. */
export function bridgeMetrics(families: Families, parts: BridgeParts, nowMs: () => number): () => void {
  const { instance, version, devices, limits, mqtt, archive, reloader, alerts } = parts;
  const info = families.gauge(
    "voltbridge_build_info",
    "1, with the version and the bridge's name.",
    "version node bridge",
  );
  const active = families.gauge(
    "voltbridge_active",
    "Whether this bridge is in charge of its name: 0 while it stands by.",
  );
  const connected = families.gauge("voltbridge_mqtt_connected", "Whether the broker is connected.");
  const messages = families.counter(
    "voltbridge_mqtt_messages_total",
    "MQTT messages: published (acknowledged with QoS 1), dropped while the broker was away or too slow, refused by it.",
    "result",
  );
  const byAvailability = families.gauge(
    "voltbridge_devices",
    "Number of devices: online, stale or offline.",
    "availability",
  );
  const paused = families.gauge("voltbridge_devices_paused", "Number of devices whose scrapes are paused.");
  const scrapes = families.counter(
    "voltbridge_scrapes_total",
    "Scrapes of devices: ok, failed as a whole, or skipped because the one before was still running.",
    "result",
  );
  const pointFailures = families.counter(
    "voltbridge_scrape_point_failures_total",
    "Points that could not be read in otherwise successful scrapes.",
  );
  const accountPaused = families.gauge(
    "voltbridge_account_paused",
    "Whether calls of the account are paused after failures.",
    "driver account",
  );
  const queue = (kind: "counter" | "gauge", name: string, help: string, labels = "queue") =>
    families[kind](`voltbridge_queue_${name}`, help, labels);
  const accepted = queue(
    "counter",
    "accepted_values_total",
    "Values accepted since the queue was created: delivered + waiting + dropped + dead-lettered.",
  );
  const delivered = queue(
    "counter",
    "delivered_values_total",
    "Values that the broker or store has confirmed.",
  );
  const waiting = queue("gauge", "waiting_values", "Values on disk that wait for the broker or store.");
  const dropped = queue(
    "gauge",
    "dropped_values",
    "Values dropped since the queue was created, by reason; decreases where some of them are delivered after all.",
    "queue reason",
  );
  const dead = queue(
    "gauge",
    "dead_lettered_values",
    "Values that the broker or store does not take, kept for a retry, by reason.",
    "queue reason",
  );
  const lag = queue("gauge", "lag_seconds", "Age of the oldest waiting data; 0 when nothing waits.");
  const bytes = queue("gauge", "size_bytes", "Used size of the queue's file; of the outbox only.");
  const storeUp = families.gauge(
    "voltbridge_store_up",
    "Whether a history store accepts data; absent without a store.",
    "store",
  );
  const writes = families.counter("voltbridge_writes_total", "Answered commands by status.", "status");
  const inForce = families.gauge(
    "voltbridge_limits_in_force",
    "Number of written values that are in force in devices.",
  );
  const renewals = families.counter(
    "voltbridge_limit_renewals_total",
    "Renewals of limits before their lease ended: renewed, or failed.",
    "result",
  );
  const siteLimit = families.gauge(
    "voltbridge_site_limit_watts",
    "Limit of a site limit group; absent while there is none.",
    "group",
  );
  const siteLoad = families.gauge(
    "voltbridge_site_power_watts",
    "Present load of the group, as far as it is known.",
    "group",
  );
  const siteMost = families.gauge(
    "voltbridge_site_possible_power_watts",
    "Maximum possible load of the group with the limits in force.",
    "group",
  );
  const configOk = families.gauge(
    "voltbridge_config_ok",
    "Whether the files loaded last have no fault and wait for no confirmation.",
  );
  const configAt = families.gauge(
    "voltbridge_config_loaded_timestamp_seconds",
    "When the running configuration was loaded.",
  );

  const activeAlerts = families.gauge(
    "voltbridge_alerts_active",
    "Number of active alerts; absent without rules.",
    "severity",
  );
  const waitingMessages = families.gauge(
    "voltbridge_alert_messages_waiting",
    "Alert messages that wait for a target.",
    "target",
  );
  const alertMessages = families.counter(
    "voltbridge_alert_messages_total",
    "Alert messages: sent, refused by the target, or dropped because too many waited.",
    "target result",
  );

  return () => {
    const counters = devices.counters();
    info.set([[{ version, node: process.version, bridge: instance }, 1]]);
    active.set(single(mqtt.role.isActive ? 1 : 0));
    connected.set(single(mqtt.connected ? 1 : 0));
    const { published, dropped: discarded, refused } = mqtt.counters;
    messages.set(byKey("result", { published, dropped: discarded, refused }));
    byAvailability.set(byKey("availability", counters.devices));
    paused.set(single(counters.paused?.count ?? 0));
    const { ok, failed, skipped, pointFailures: points } = counters.scrapes;
    scrapes.set(byKey("result", { ok, failed, skipped }));
    pointFailures.set(single(points));
    // Accounts whose shortened names are equal are one series: paused where one of them is.
    const accounts = devices.accountStates().toSorted((a, b) => Number(a.isPaused) - Number(b.isPaused));
    accountPaused.set(
      accounts.map(({ driverType: driver, label: account, isPaused }): Series => {
        return [{ driver, account }, isPaused ? 1 : 0];
      }),
    );
    const { outbox } = mqtt;
    const oldest = outbox?.oldest?.getTime() ?? nowMs();
    const stores: [string, StoreBooks][] = archive
      ? [
          ["historian", archive.counters],
          ...Object.entries(archive.counters.also ?? {}).map(([name, store]): [string, StoreBooks] => [
            `historian/${name}`,
            store,
          ]),
        ]
      : [];
    const books: [string, QueueBooks, lagSeconds: number][] = [
      ...(outbox
        ? [["outbox", outbox, Math.max(0, nowMs() - oldest) / 1000] as [string, QueueBooks, number]]
        : []),
      ...stores.map(([name, store]): [string, QueueBooks, number] => [name, store, store.lagSeconds]),
    ];
    const ofQueues = (value: (book: QueueBooks, lagSeconds: number) => number) =>
      books.map(([name, book, lagSeconds]): Series => [{ queue: name }, value(book, lagSeconds)]);
    accepted.set(ofQueues((book) => book.accepted));
    delivered.set(ofQueues((book) => book.delivered));
    waiting.set(ofQueues((book) => book.waiting));
    dropped.set(
      books.flatMap(([name, book]) => byKey("reason", { ...NO_DROPS, ...book.dropped }, { queue: name })),
    );
    dead.set(books.flatMap(([name, book]) => byKey("reason", book.deadLettered, { queue: name })));
    lag.set(ofQueues((_, lagSeconds) => lagSeconds));
    bytes.set(outbox ? [[{ queue: "outbox" }, outbox.bytes]] : []);
    storeUp.set(stores.map(([store, { failing }]): Series => [{ store }, failing ? 0 : 1]));
    writes.set(byKey("status", counters.writes));
    inForce.set(single(counters.holds.held));
    renewals.set(byKey("result", { renewed: counters.holds.renewed, failed: counters.holds.notRenewed }));
    const groups = limits.limits();
    siteLimit.set(
      groups.flatMap(({ group, maxKw }): Series[] => (maxKw === null ? [] : [[{ group }, watts(maxKw)]])),
    );
    siteLoad.set(groups.map(({ group, loadKw }): Series => [{ group }, watts(loadKw)]));
    siteMost.set(groups.map(({ group, mayDrawKw }): Series => [{ group }, watts(mayDrawKw)]));
    const alerting = alerts?.counters;
    const targets = Object.entries(alerting?.targets ?? {});
    activeAlerts.set(alerting ? byKey("severity", alerting.active) : []);
    waitingMessages.set(targets.map(([target, { waiting }]): Series => [{ target }, waiting]));
    alertMessages.set(
      targets.flatMap(([target, { sent, refused, dropped }]) =>
        byKey("result", { sent, refused, dropped }, { target }),
      ),
    );
    const health = reloader?.health;
    configOk.set(health ? single(health.state === "ok" ? 1 : 0) : []);
    configAt.set(health ? single(Date.parse(health.loadedAt) / 1000) : []);
  };
}

/** Creates the metrics of what happens between two texts: calls, notices and delays of the event loop. Returns what ends them. */
export function watchEvents(registry: Registry, bus: Bus): Disposable {
  const registers = [registry];
  const labelNames = ["driver", "account", "operation"];
  const requests = new Counter({
    name: "voltbridge_api_requests_total",
    help: "Calls of charging networks, retries included, by outcome: success, empty, aborted, or how it failed.",
    labelNames: [...labelNames, "outcome"],
    registers,
  });
  const errors = new Counter({
    name: "voltbridge_api_errors_total",
    help: "Calls of charging networks that failed.",
    labelNames,
    registers,
  });
  const durations = new Histogram({
    name: "voltbridge_api_request_duration_seconds",
    help: "Durations of calls of charging networks.",
    labelNames,
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const notices = new Counter({
    name: "voltbridge_notices_total",
    help: "Notices to operators, by kind.",
    labelNames: ["severity", "kind"],
    registers,
  });
  const delays = new Histogram({
    name: "voltbridge_event_loop_delay_seconds",
    help: "How late a timer fires, sampled every 20 ms: a command waits as long.",
    buckets: DELAY_BUCKETS,
    registers,
  });
  const stack = new DisposableStack();
  stack.defer(
    bus.on("call", ({ driverType: driver, account, operation, outcome, isError, seconds }) => {
      const labels = { driver, account, operation };
      requests.inc({ ...labels, outcome });
      // Created with the first call, so that a rule sees the first error.
      errors.inc(labels, isError ? 1 : 0);
      durations.observe(labels, seconds);
    }),
  );
  stack.defer(bus.on("notice", ({ severity, kind }) => notices.inc({ severity, kind })));
  const delay = stack.adopt(new LoopDelay({ onSample: (seconds) => delays.observe(seconds) }), (one) =>
    one.stop(),
  );
  delay.start();
  return stack;
}
