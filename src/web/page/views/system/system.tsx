import { type ComponentChildren, Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { Facts } from "../../kit/text/facts.tsx";
import { bytes, count, duration, NONE } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { LoadedView } from "../../kit/text/loading.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Age, Time } from "../../kit/text/time.tsx";
import { place } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import "../../styles/control.css";
import { Accounts } from "./accounts.tsx";
import { Configs } from "./configs.tsx";
import { EstateView } from "./estate.tsx";
import { failedChecks, OverallState } from "./overall-state.tsx";
import type { Bridge, Estate, Health, StoreCounts, ValueCounts } from "./reports.ts";

/** How the bridge is: what works, what does not, and what to do about it. */
export default function System() {
  const loaded = useFollowed(
    useLoaded(async (signal) => {
      const [health, info] = await Promise.all([
        api.get<Health>("health", { signal }),
        api.get<Bridge>("bridge", { signal }),
      ]);
      // Before the cluster service has answered, there is nothing to show.
      const estate = info.has.cluster
        ? await api.get<Estate>("cluster", { signal }).catch(() => undefined)
        : undefined;
      return { health, info, estate };
    }, []),
    { events: ["notice"], seconds: 10 },
  );
  return (
    <>
      <PageHeading title="System" hidden />
      <LoadedView of={loaded} what="the state of the bridge" lines={12}>
        {(known) => <Known {...known} onReload={loaded.refresh} />}
      </LoadedView>
    </>
  );
}

function StoreState({ of: { failing, lagSeconds } }: { of: StoreCounts }) {
  return (
    <Facts
      facts={[
        [
          "State",
          failing ? (
            <Fragment key="s">
              <StateMark state="faulted" text="takes no values" /> since <Time at={failing.since} />:{" "}
              <bdi>{failing.error}</bdi>
            </Fragment>
          ) : (
            <StateMark key="s" state="available" text="takes values" />
          ),
        ],
        ["Lag", lagSeconds < 1 ? "none" : duration(lagSeconds * 1000)],
      ]}
    />
  );
}

interface Shown {
  readonly health: Health;
  readonly info: Bridge;
  readonly estate: Estate | undefined;
}

function Known({ health, info, estate, onReload }: Shown & { readonly onReload: () => void }) {
  const at = useSignalValue(place);
  // Links of the header lead to parts of this view.
  useEffect(() => {
    if (at.by === "link" && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [at]);
  const { historian, devices, scrapes, selfTest, config } = health;
  return (
    <div class="stack wide">
      <OverallState health={health} info={info} estate={estate} />
      <div class="parts">
        <Part id="broker" title="Broker">
          <Facts
            facts={[
              ["Address", <bdi key="a">{info.broker.url}</bdi>],
              [
                "Connection",
                <Fragment key="c">
                  <StateMark
                    state={info.broker.connected ? "available" : "faulted"}
                    text={info.broker.connected ? "connected" : "not connected"}
                  />{" "}
                  since <Time at={info.broker.since} />
                </Fragment>,
              ],
              ["In charge", info.active ? "yes" : "no: another bridge of this name is"],
              ["Messages published", count(health.mqtt.published)],
              ["Messages lost", count(health.mqtt.dropped)],
              ["Messages refused", count(health.mqtt.refused)],
            ]}
          />
          <h3>Values of scrapes to the broker</h3>
          <Balance of={health.outbox} to="delivered" />
          <p class="quiet">
            Since the data folder was made; {bytes(health.outbox.bytes)} on disk
            {health.outbox.oldest && (
              <>
                , the oldest that waits is of <Time at={health.outbox.oldest} />
              </>
            )}
            .
          </p>
        </Part>
        <Part id="store" title="Store">
          {historian ? (
            <>
              <StoreState of={historian} />
              <h3>Values to the store</h3>
              <Balance of={historian} to="stored" />
              {Object.entries(historian.also ?? {}).map(([name, store]) => (
                <Fragment key={name}>
                  <h3>
                    Store <bdi>{name}</bdi>
                  </h3>
                  <StoreState of={store} />
                  <Balance of={store} to="stored" />
                </Fragment>
              ))}
            </>
          ) : (
            <p class="quiet">
              This bridge stores nothing: it has no history, no log of commands from before its start, and no
              curves of days. <code>historian</code> in the bridge config sets a store.
            </p>
          )}
        </Part>
        <Part id="devices" title="Devices">
          <Facts
            facts={[
              ["Online", count(devices?.online ?? 0)],
              ["Stale", staleCount(devices?.stale)],
              ["Offline", staleCount(devices?.offline)],
              [
                "Scrapes",
                `${count(scrapes.ok)} good, ${count(scrapes.failed)} failed, ${count(scrapes.skipped)} skipped`,
              ],
              ["Points that failed", count(scrapes.pointFailures)],
              ["Commands", commandsText(health.writes)],
            ]}
          />
        </Part>
        <Part id="process" title="Process">
          <Facts
            facts={[
              ["Version", info.version],
              ["Name", <bdi key="n">{info.instance}</bdi>],
              [
                "Started",
                <Fragment key="s">
                  <Time at={health.startedAt} />, <Age at={health.startedAt} />
                </Fragment>,
              ],
              ["Writes", info.readOnly ? "none: the bridge is read-only" : "as commanded"],
              ["Event loop delay", <LoopDelay key="e" of={health.eventLoopDelayMs} />],
            ]}
          />
        </Part>
      </div>
      {info.has.cluster && (
        <Part id="estate" title="Estate">
          {estate ? (
            <EstateView estate={estate} />
          ) : (
            <p class="quiet">The cluster service has not answered since the start of this bridge.</p>
          )}
        </Part>
      )}
      <Part id="accounts" title="Accounts">
        <Accounts />
      </Part>
      <div class="parts">
        <Part id="self-test" title="Self-test">
          <SelfTest of={selfTest} />
        </Part>
        <Part id="configs" title="Configs">
          <Configs config={config} onReload={onReload} />
        </Part>
      </div>
      <Part id="programs" title="For programs">
        <ul class="links">
          {LINKS.map(([href, text]) => (
            <li key={href}>
              {/* Not views of the page. */}
              <a href={href} target="_blank" rel="noreferrer">
                {href}
              </a>{" "}
              <span class="quiet">{text}</span>
            </li>
          ))}
        </ul>
      </Part>
    </div>
  );
}

const staleCount = (value = 0): ComponentChildren =>
  value === 0 ? "0" : <a href="/?show=stale">{count(value)}</a>;

const LINKS = [
  ["/api/v1/openapi.json", "the HTTP interface, as an OpenAPI document"],
  ["/metrics", "for Prometheus, where metrics are on and have no port of their own"],
  ["/healthz", "whether the process answers"],
  ["/readyz", "whether broker, store and scrapes work"],
] as const;

function Part({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="part" id={id} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Every value that was accepted is somewhere. */
function Balance({ of, to }: { of: ValueCounts; to: "delivered" | "stored" }) {
  const lines: readonly (readonly [string, number, string?])[] = [
    [to, of.delivered],
    ["waiting on disk", of.waiting],
    ["dropped", sum(of.dropped), reasons(of.dropped)],
    ["dead letters", sum(of.deadLettered), reasons(of.deadLettered)],
  ];
  const missing = of.accepted - lines.reduce((total, [, value]) => total + value, 0);
  return (
    <table class="balance">
      <caption class="hidden-text">Where the accepted values are</caption>
      <tbody>
        <tr>
          <th scope="row">accepted</th>
          <td>{count(of.accepted)}</td>
          <td />
        </tr>
        {lines.map(([name, value, why]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{count(value)}</td>
            <td class="quiet">{why}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">difference</th>
          <td>{count(missing)}</td>
          <td class="quiet">
            {missing === 0 ? "every value is accounted for" : "on their way at this moment"}
          </td>
        </tr>
      </tbody>
    </table>
  );
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, value) => total + value, 0);

const reasons = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([reason, value]) => `${count(value)} ${reason.replaceAll("_", " ")}`)
    .join(", ");

function commandsText(writes: Readonly<Record<string, number>>): ComponentChildren {
  const some = Object.entries(writes).filter(([, value]) => value > 0);
  if (some.length === 0) return "none";
  return (
    <a href="/control?tab=log">{some.map(([status, value]) => `${count(value)} ${status}`).join(", ")}</a>
  );
}

/** Above it, commands wait for longer than they should: docs/mqtt.md. */
const LONG_DELAY = 200;

function LoopDelay({ of }: { of: Health["eventLoopDelayMs"] }) {
  if (!of) return NONE;
  const text = `${of.p99.toFixed(1)} ms (99 of 100), ${of.max.toFixed(0)} ms at most`;
  return of.p99 > LONG_DELAY ? (
    <span class="late">
      {text}: commands wait as long. If it stays, the machine is too small or too busy.
    </span>
  ) : (
    text
  );
}

function SelfTest({ of }: { of: Health["selfTest"] }) {
  if (!of) return <p class="quiet">It runs after each connect: the first result is not there yet.</p>;
  const failed = new Map(failedChecks(of));
  return (
    <>
      <p class="quiet">
        Whether the broker's access rules and limits let through what the bridge needs. Done{" "}
        <Age at={of.at} />.
      </p>
      <ul class="checks">
        {Object.keys(of)
          .filter((check) => check !== "at")
          .map((check) => (
            <li key={check}>
              <StateMark
                state={failed.has(check) ? "faulted" : "available"}
                text={check.replaceAll("_", " ")}
              />
              {failed.has(check) && <bdi>: {failed.get(check)}</bdi>}
            </li>
          ))}
      </ul>
    </>
  );
}
