import { useMemo, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { count, duration, NONE, plainNumber } from "../../kit/text/format.ts";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { api } from "../../state/requests/api.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";
import type { CalledAccount, Plan, PlannedAccount } from "./reports.ts";

interface Row {
  readonly account: string;
  /** Absent: its stations are of a set, which only the network knows. */
  readonly plan?: PlannedAccount | undefined;
  readonly now?: CalledAccount | undefined;
}

/** Calls of each account: planned, allowed and made. */
export function Accounts() {
  const loaded = useFollowed(
    useLoaded((signal) => api.get<Plan>("plan", { signal }), []),
    { events: ["notice"], seconds: 15 },
  );
  const [open, setOpen] = useState<PlannedAccount>();
  const columns = useMemo(() => columnsOf(setOpen), []);
  return (
    <LoadedView of={loaded} what="the calls of the accounts">
      {(plan) => (
        <>
          <DataTable
            caption="Accounts and their calls"
            rows={rowsOf(plan)}
            columns={columns}
            keyOf={({ account }) => account}
            empty={
              <Empty title="The bridge calls no account.">
                Each device config names one; <a href="/registry">Registry</a> has the rows that are read.
              </Empty>
            }
          />
          {open && <PlanDialog plan={open} onClose={() => setOpen(undefined)} />}
        </>
      )}
    </LoadedView>
  );
}

function rowsOf({ accounts, now }: Plan): readonly Row[] {
  const names = new Set([...accounts, ...now].map(({ account }) => account));
  return [...names].map((account) => ({
    account,
    plan: accounts.find((one) => one.account === account),
    now: now.find((one) => one.account === account),
  }));
}

const rate = (value: number | null | undefined): string =>
  value === null || value === undefined ? NONE : plainNumber(value, value >= 100 ? 4 : 2);

function isOver({ plan, now }: Row): boolean {
  const limit = plan?.limitPerMinute;
  return limit !== null && limit !== undefined && Math.max(plan!.callsPerMinute, now?.perMinute ?? 0) > limit;
}

function columnsOf(onOpen: (plan: PlannedAccount) => void): readonly Column<Row>[] {
  return [
    {
      id: "account",
      title: "Account",
      header: true,
      cell: ({ account, plan }) =>
        plan ? (
          <button type="button" class="link" onClick={() => onOpen(plan)}>
            <Name text={account} />
          </button>
        ) : (
          <Name text={account} />
        ),
    },
    {
      id: "state",
      title: "State",
      width: "112px",
      cell: (row) =>
        row.now?.paused ? (
          <StateMark
            state="faulted"
            text="paused"
            title="Its calls failed; the bridge tries again after a pause."
          />
        ) : isOver(row) ? (
          <StateMark state="limited" text="over limit" title="More calls than the account's limit." />
        ) : row.now ? (
          <StateMark state="available" text="answers" />
        ) : (
          <StateMark state="unknown" text="not called" />
        ),
    },
    {
      id: "stations",
      title: "Stations",
      width: "88px",
      numeric: true,
      wideOnly: true,
      cell: ({ plan }) => (plan ? count(plan.stations) : NONE),
    },
    {
      id: "planned",
      title: "Planned a min",
      width: "120px",
      numeric: true,
      cell: ({ plan }) => rate(plan?.callsPerMinute),
    },
    {
      id: "now",
      title: "Made a min",
      width: "104px",
      numeric: true,
      cell: ({ now }) => rate(now?.perMinute),
    },
    {
      id: "limit",
      title: "Limit a min",
      width: "104px",
      numeric: true,
      cell: ({ plan }) => rate(plan?.limitPerMinute),
    },
    {
      id: "recent",
      title: "Errors in 10 min",
      width: "128px",
      numeric: true,
      cell: ({ now }) => (now ? count(now.recentErrors) : NONE),
    },
    {
      id: "errors",
      title: "Errors of calls",
      width: "144px",
      numeric: true,
      wideOnly: true,
      cell: ({ now }) => (now ? `${count(now.errors)} of ${count(now.calls)}` : NONE),
    },
  ];
}

/** Which calls the account needs, and which rows of the registry cause them. */
function PlanDialog({ plan, onClose }: { plan: PlannedAccount; onClose: () => void }) {
  const { account, stations, calls, callsPerMinute, limitPerMinute, onePerStationPerMinute } = plan;
  return (
    <Dialog title={<Name text={account} />} onClose={onClose} wide>
      <p>
        {stations === 1 ? "1 station needs" : `${count(stations)} stations need`} {rate(callsPerMinute)} calls
        a minute{limitPerMinute !== null && ` of the ${rate(limitPerMinute)} that the account may make`}. One
        call per station and scrape would be {rate(onePerStationPerMinute)}.
      </p>
      <div class="scrolled">
        <table class="plain-table">
          <caption class="hidden-text">Calls of the account</caption>
          <thead>
            <tr>
              <th scope="col">Operation</th>
              <th scope="col" class="number">
                Calls
              </th>
              <th scope="col">Every</th>
              <th scope="col" class="number">
                A minute
              </th>
              <th scope="col">Because of</th>
            </tr>
          </thead>
          <tbody>
            {calls.map((call) => (
              <tr key={`${call.operation} ${call.everySeconds}`}>
                <th scope="row">{call.operation}</th>
                <td class="number">{rate(call.calls)}</td>
                <td>{duration(call.everySeconds * 1000)}</td>
                <td class="number">{rate(call.callsPerMinute)}</td>
                <td>
                  {call.cause ??
                    call.rows
                      .map(
                        ({ file, lines, attributes }) =>
                          `${file}, ${lines.length} rows: ${attributes.join(", ")}`,
                      )
                      .join("; ")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}
