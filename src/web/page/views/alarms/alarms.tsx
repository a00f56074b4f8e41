import type { CommandView, NoticeView } from "../../../schemas.ts";
import { Tabs } from "../../kit/controls/tabs.tsx";
import { counted } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import "../../styles/control.css";
import { entryOf } from "../commands/command-log.ts";
import { CommandTable } from "../commands/command-table.tsx";
import { Notices } from "./notices.tsx";
import { StationAlarms } from "./station-alarms.tsx";

const TABS = ["stations", "notices", "refused"] as const;
type Tab = (typeof TABS)[number];

const NOT_TAKEN: readonly CommandView["status"][] = ["refused", "failed", "unconfirmed"];

/** What the stations and the bridge reported, and commands that were not carried out. */
export default function Alarms() {
  const { query } = useSignalValue(place);
  const tab = TABS.find((one) => one === query.get("tab")) ?? "stations";
  const notices = useFollowed(
    useLoaded((signal) => api.get<{ notices: readonly NoticeView[] }>("notices", { signal }), []),
    { events: ["notice"], seconds: 60 },
  );
  const commands = useFollowed(
    useLoaded(async (signal) => {
      const { commands } = await api.get<{ commands: readonly CommandView[] }>("commands", { signal });
      return commands.filter(({ status, final }) => final && NOT_TAKEN.includes(status)).map(entryOf);
    }, []),
    { events: ["write"], seconds: 60 },
  );
  const worth = notices.value?.notices.filter(({ severity }) => severity !== "info").length;
  const tabs: readonly (readonly [Tab, string])[] = [
    ["stations", "Alarms of the stations"],
    ["notices", worth ? `Notices of the bridge (${counted(worth, "warning")})` : "Notices of the bridge"],
    ["refused", commands.value?.length ? `Refused commands (${commands.value.length})` : "Refused commands"],
  ];
  return (
    <>
      <PageHeading title="Alarms and events" hidden />
      <Tabs
        label="Parts of Alarms and events"
        tabs={tabs}
        chosen={tab}
        // Filters belong to a tab.
        onChoose={(one) =>
          setQuery({
            tab: one === "stations" ? undefined : one,
            filter: undefined,
            severity: undefined,
            kind: undefined,
          })
        }
      >
        <div class="tab-panel">
          {tab === "stations" && <StationAlarms />}
          {tab === "notices" && (
            <LoadedView of={notices} what="the notices" lines={6}>
              {(value) => <Notices list={value.notices} />}
            </LoadedView>
          )}
          {tab === "refused" && (
            <LoadedView of={commands} what="the refused commands" lines={6}>
              {(entries) => (
                <>
                  <p class="quiet intro">
                    Refused, failed and not confirmed since the start of the bridge, whichever interface they
                    came through. <a href="/control?tab=log">The log of commands</a> lists earlier ones.
                  </p>
                  <CommandTable
                    caption="Commands that were not carried out, the newest first"
                    entries={entries}
                    empty={
                      <Empty title="Every command was carried out.">
                        A command that the bridge refuses, or that a station does not take, is listed here
                        with the reason.
                      </Empty>
                    }
                  />
                </>
              )}
            </LoadedView>
          )}
        </div>
      </Tabs>
    </>
  );
}
