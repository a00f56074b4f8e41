import { useState } from "preact/hooks";
import type { CommandView } from "../../../schemas.ts";
import { SelectField, TextField } from "../../kit/field.tsx";
import { Empty, LoadedView } from "../../kit/loading.tsx";
import { api, apiHref, type Query } from "../../state/api.ts";
import { bridge } from "../../state/bridge.ts";
import { useFollowed, useLoaded } from "../../state/loaded.ts";
import { PRESETS, type Preset } from "../../state/range.ts";
import { place, setQuery } from "../../state/router.ts";
import { useSignalValue } from "../../state/signal.ts";
import { CommandTable, entryOf, type LogEntry } from "./command-table.tsx";

const STATUSES = ["confirmed", "accepted", "unconfirmed", "refused", "failed"] as const;
const MOST = 1000;

interface Filters {
  readonly requester: string;
  readonly status: string;
  readonly target: string;
  readonly range: Preset;
}

/** Who commanded what, over every interface, and what became of it: the newest first. */
export function CommandLog() {
  const { query } = useSignalValue(place);
  const info = useSignalValue(bridge);
  const range = query.get("range");
  const filters: Filters = {
    requester: query.get("requester") ?? "",
    status: query.get("status") ?? "",
    target: query.get("target") ?? "",
    range: range !== null && Object.hasOwn(PRESETS, range) ? (range as Preset) : "7d",
  };
  const isStored = info?.has.history === true;
  const loaded = useFollowed(
    useLoaded(
      (signal) => (isStored ? ofStore(filters, signal) : sinceStart(filters, signal)),
      [isStored, ...Object.values(filters)],
    ),
    { events: ["write"], seconds: 30 },
  );
  const isFiltered = filters.requester !== "" || filters.status !== "" || filters.target !== "";
  return (
    <>
      <LogFilters filters={filters} isStored={isStored} />
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

function queryOf({ requester, status, target, range }: Filters): Query {
  return {
    start: `now -${PRESETS[range]}s`,
    requester: requester || undefined,
    status: status || undefined,
    target: target || undefined,
  };
}

async function ofStore(filters: Filters, signal: AbortSignal): Promise<readonly LogEntry[]> {
  const query = { ...queryOf(filters), count: MOST };
  const [{ entries }, recent] = await Promise.all([
    api.get<{ entries: LogEntry[] }>("audit", { query, signal }),
    sinceStart(filters, signal),
  ]);
  // The newest are on their way to the store.
  const stored = new Set(entries.map(({ id }) => id));
  const start = new Date(Date.now() - PRESETS[filters.range] * 1000).toISOString();
  return [...recent.filter(({ id, time }) => !stored.has(id) && time > start), ...entries.reverse()];
}

/** Without a store the bridge knows the commands since its start only. */
async function sinceStart(
  { requester, status, target }: Filters,
  signal: AbortSignal,
): Promise<readonly LogEntry[]> {
  const { commands } = await api.get<{ commands: readonly CommandView[] }>("commands", { signal });
  return commands
    .map(entryOf)
    .filter(
      (one) =>
        (requester === "" || one.requester === requester) &&
        (status === "" || one.status === status) &&
        (target === "" || one.target === target || one.target.startsWith(`${target}/`)),
    );
}

function LogFilters({ filters, isStored }: { filters: Filters; isStored: boolean }) {
  const [requester, setRequester] = useState(filters.requester);
  const [target, setTarget] = useState(filters.target);
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
        <a class="button plain" href={apiHref("audit/download", queryOf(filters))} download>
          CSV
        </a>
      ) : (
        <small class="quiet">Since the start of the bridge: there is no store.</small>
      )}
    </form>
  );
}
