import { Tabs } from "../../kit/controls/tabs.tsx";
import { PageHeading } from "../../kit/text/heading.tsx";
import { LoadedView } from "../../kit/text/loading.tsx";
import { bridge, whyNotOperate } from "../../state/bridge/bridge.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { type Loaded, useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import "../../styles/control.css";
import { CommandLog } from "./command-log.tsx";
import { type Holds, LimitsInForce } from "./limits-in-force.tsx";
import { type Override, Overrides } from "./overrides.tsx";
import { type PlannedEvent, PlannedEvents } from "./planned-events.tsx";
import { type Reservation, Reservations } from "./reservations.tsx";
import { type LimitGroup, SiteLimits } from "./site-limits.tsx";

const TABS = ["limits", "site", "overrides", "reservations", "events", "log"] as const;
type Tab = (typeof TABS)[number];

/** Loads what a tab shows, and again with what happens on the bridge. */
function useList<T>(path: string): Loaded<T> {
  const loaded = useLoaded((signal) => api.get<T>(path, { signal }), []);
  return useFollowed(loaded, { events: ["write", "notice", "reservations"], seconds: 15 });
}

/** What holds the stations: limits, site limits, overrides, reservations, planned events; and who commanded what. */
export default function Control() {
  const { query } = useSignalValue(place);
  const why = whyNotOperate(useSignalValue(bridge));
  const tab = TABS.find((one) => one === query.get("tab")) ?? "limits";
  const holds = useList<Holds>("holds");
  const groups = useList<{ groups: readonly LimitGroup[] }>("limits");
  const overrides = useList<{ overrides: readonly Override[] }>("overrides");
  const reservations = useList<{ reservations: readonly Reservation[] }>("reservations");
  const events = useList<{ events: readonly PlannedEvent[] }>("events");
  const may = why === undefined;
  const tabs: readonly (readonly [Tab, string])[] = [
    ["limits", titled("Limits in force", holds.value && holds.value.held.length + holds.value.others.length)],
    ["site", titled("Site limits", groups.value?.groups.length)],
    ["overrides", titled("Overrides", overrides.value?.overrides.length)],
    ["reservations", titled("Reservations", reservations.value?.reservations.length)],
    ["events", titled("Planned events", events.value?.events.length)],
    ["log", "Log of commands"],
  ];
  return (
    <>
      <PageHeading title="Control" hidden />
      {why && <p class="notice">{why}</p>}
      <Tabs
        label="Parts of Control"
        tabs={tabs}
        chosen={tab}
        onChoose={(one) => setQuery({ tab: one === "limits" ? undefined : one })}
      >
        <div class="tab-panel">
          {tab === "limits" && (
            <LoadedView of={holds} what="the limits in force" lines={6}>
              {(value) => <LimitsInForce holds={value} may={may} onChange={holds.refresh} />}
            </LoadedView>
          )}
          {tab === "site" && (
            <LoadedView of={groups} what="the site limits" lines={6}>
              {(value) => <SiteLimits groups={value.groups} may={may} onChange={groups.refresh} />}
            </LoadedView>
          )}
          {tab === "overrides" && (
            <LoadedView of={overrides} what="the overrides">
              {(value) => <Overrides list={value.overrides} may={may} onChange={overrides.refresh} />}
            </LoadedView>
          )}
          {tab === "reservations" && (
            <LoadedView of={reservations} what="the reservations">
              {(value) => (
                <Reservations list={value.reservations} may={may} onChange={reservations.refresh} />
              )}
            </LoadedView>
          )}
          {tab === "events" && (
            <LoadedView of={events} what="the planned events">
              {(value) => <PlannedEvents list={value.events} may={may} onChange={events.refresh} />}
            </LoadedView>
          )}
          {tab === "log" && <CommandLog />}
        </div>
      </Tabs>
    </>
  );
}

const titled = (title: string, length: number | undefined): string =>
  length === undefined ? title : `${title} (${length})`;
