import { useEffect, useState } from "preact/hooks";
import { SelectField, TextField } from "../../kit/controls/field.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { PRESETS, type Preset } from "../../state/browser/range.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { apiHref } from "../../state/requests/api.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import { type LogFilters, loadLog, logQuery } from "../commands/command-log.ts";
import { CommandTable } from "../commands/command-table.tsx";

const STATUSES = ["confirmed", "accepted", "unconfirmed", "refused", "failed"] as const;
const MOST = 1000;

/** Who commanded what, over every interface, and what became of it: the newest first. */
export function CommandLog() {
  const { query } = useSignalValue(place);
  const info = useSignalValue(bridge);
  const range = query.get("range");
  const filters: LogFilters = {
    requester: query.get("requester") ?? "",
    status: query.get("status") ?? "",
    target: query.get("target") ?? "",
    range: range !== null && Object.hasOwn(PRESETS, range) ? (range as Preset) : "7d",
  };
  const isStored = info?.has.history === true;
  const loaded = useFollowed(
    useLoaded(
      (signal) => loadLog(filters, { isStored, count: MOST, signal }),
      [isStored, ...Object.values(filters)],
    ),
    { events: ["write"], seconds: 30 },
  );
  const isFiltered = filters.requester !== "" || filters.status !== "" || filters.target !== "";
  return (
    <>
      <FilterForm filters={filters} isStored={isStored} />
      <LoadedView of={loaded} what="the log of commands" lines={6}>
        {(entries) => (
          <>
            {entries.length === MOST && (
              <p class="quiet">The newest {MOST} are shown; the CSV has all of this time.</p>
            )}
            <CommandTable
              caption="Log of commands, the newest first"
              entries={entries}
              empty={
                isFiltered ? (
                  <Empty title="No command is like that in this time.">
                    <a href="/control?tab=log">Show all.</a>
                  </Empty>
                ) : (
                  <Empty title="Nobody commanded anything in this time.">
                    Every set point, revert and renewal is listed here, also what was refused, whichever
                    interface it came through.
                  </Empty>
                )
              }
            />
          </>
        )}
      </LoadedView>
    </>
  );
}

function FilterForm({ filters, isStored }: { filters: LogFilters; isStored: boolean }) {
  const [requester, setRequester] = useState(filters.requester);
  const [target, setTarget] = useState(filters.target);
  // A link, e.g. "Show all", has other filters, or none.
  useEffect(() => {
    setRequester(filters.requester);
    setTarget(filters.target);
  }, [filters.requester, filters.target]);
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({ requester: requester.trim(), target: target.trim() });
      }}
    >
      <TextField label="Requester" value={requester} onValue={setRequester} maxLength={1000} />
      <TextField
        label="Station or point"
        value={target}
        onValue={setTarget}
        maxLength={1000}
        placeholder="campus/garage/station-1"
      />
      <SelectField
        label="Status"
        value={filters.status}
        choices={[["", "all"], ...STATUSES.map((status) => [status, status] as const)]}
        onValue={(status) => setQuery({ status })}
      />
      {isStored && (
        <SelectField
          label="Of the last"
          value={filters.range}
          choices={[
            ["1h", "hour"],
            ["24h", "24 h"],
            ["7d", "7 days"],
            ["30d", "30 days"],
          ]}
          onValue={(range) => setQuery({ range: range === "7d" ? undefined : range })}
        />
      )}
      <button type="submit" class="button">
        Filter
      </button>
      <span class="spring" />
      {isStored ? (
        <a class="button plain" href={apiHref("audit/download", logQuery(filters))} download>
          CSV
        </a>
      ) : (
        <small class="quiet">Since the start of the bridge: there is no store.</small>
      )}
    </form>
  );
}
