import { useMemo, useState } from "preact/hooks";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { count, NONE, plainNumber } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { type MarkedState, SeverityMark, StateMark } from "../../kit/text/state-mark.tsx";
import { Age } from "../../kit/text/time.tsx";
import type { Estate, EstateMember, EstateShard } from "./reports.ts";

/** Number of shards above which only the first are shown at once. */
const FEW = 12;

/** Members and shards of the bridges that share the work. */
export function EstateView({ estate }: { estate: Estate }) {
  const { member, members, shards, problems, revision } = estate;
  const [filter, setFilter] = useState("");
  const [isWhole, setWhole] = useState(false);
  const columns = useMemo(() => memberColumns(member), [member]);
  const words = wordsOf(filter);
  const found = shards
    .filter((shard) => matches(textOf(shard), words))
    // Those that nobody has come first.
    .toSorted((a, b) => Number(a.owner !== null) - Number(b.owner !== null));
  const shown = isWhole || words.length > 0 ? found : found.slice(0, FEW);
  return (
    <>
      {problems.length > 0 && (
        <ul class="estate-problems" aria-label="Problems of the estate">
          {problems.map(({ severity, text }) => (
            <li key={text}>
              <SeverityMark severity={severity} /> <bdi>{text}</bdi>
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">
        {members.length === 1 ? "1 member shares" : `${count(members.length)} members share`}{" "}
        {shards.length === 1 ? "1 shard" : `${count(shards.length)} shards`}; the active revision of the
        configuration is {revision ? <code>{revision}</code> : "not decided yet"}.
      </p>
      <DataTable
        caption="Members of the estate"
        rows={members}
        columns={columns}
        keyOf={({ id }) => id}
        keys={false}
      />
      <div class="row">
        <h3>Shards</h3>
        {shards.length > FEW && <FilterBox value={filter} label="Filter shards" onFilter={setFilter} />}
      </div>
      <DataTable
        caption="Shards of the estate"
        rows={shown}
        columns={SHARD_COLUMNS}
        keyOf={({ name }) => name}
        keys={false}
        empty={<p class="quiet">{shards.length === 0 ? "There are no devices." : "No shard matches."}</p>}
      />
      {shown.length < found.length && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          Show all {count(found.length)} shards
        </button>
      )}
    </>
  );
}

function textOf({ name, accounts, owner, pinned }: EstateShard): string {
  return [name, ...accounts, owner ?? "no owner", pinned && "pinned"].join(" ").toLowerCase();
}

const REVISIONS: Readonly<
  Record<EstateMember["state"], readonly [state: MarkedState, text: string, title: string]>
> = {
  active: ["available", "active", "It runs the active revision."],
  pending: ["limited", "pending", "It runs the active revision, and its files are newer."],
  applying: ["in_use", "applying", "It has the active revision, and is about to run it."],
  lacking: ["faulted", "lacks it", "It does not have the active revision, so it gets no shards."],
};

function memberColumns(own: string): readonly Column<EstateMember>[] {
  return [
    {
      id: "member",
      title: "Member",
      header: true,
      cell: ({ id, url }) => (
        <>
          {url === null || id === own ? <Name text={id} /> : <a href={url}>{id}</a>}
          {id === own && <span class="quiet"> (this one)</span>}
        </>
      ),
    },
    { id: "host", title: "Host", whole: true, cell: ({ host }) => <Name text={host} /> },
    {
      id: "revision",
      title: "Revision",
      width: "120px",
      cell: ({ state, files }) => {
        const [mark, text, title] = REVISIONS[state];
        return <StateMark state={mark} text={text} title={`${title} Its files: ${files}`} />;
      },
    },
    {
      id: "draining",
      title: "Takes shards",
      width: "104px",
      cell: ({ draining, state }) => (draining ? "draining" : state === "lacking" ? "no" : "yes"),
    },
    {
      id: "shards",
      title: "Shards",
      width: "80px",
      numeric: true,
      cell: ({ shards }) => count(shards.length),
    },
    {
      id: "stations",
      title: "Stations",
      width: "96px",
      numeric: true,
      cell: ({ stations }) => count(stations),
    },
    {
      id: "weight",
      title: "Weight",
      width: "80px",
      numeric: true,
      wideOnly: true,
      cell: ({ weight }) => plainNumber(weight, 3),
    },
    {
      id: "version",
      title: "Version",
      width: "112px",
      wideOnly: true,
      cell: ({ version }) => <Name text={version} />,
    },
    {
      id: "started",
      title: "Started",
      width: "144px",
      whole: true,
      cell: ({ startedAt }) => <Age at={startedAt} />,
    },
  ];
}

const SHARD_COLUMNS: readonly Column<EstateShard>[] = [
  { id: "shard", title: "Shard", header: true, cell: ({ name }) => <Name text={name} /> },
  {
    id: "accounts",
    title: "Accounts",
    whole: true,
    cell: ({ accounts }) => (accounts.length > 0 ? <Name text={accounts.join(", ")} /> : NONE),
  },
  {
    id: "owner",
    title: "Owner",
    width: "176px",
    cell: ({ owner, pinned }) =>
      owner === null ? (
        <StateMark state="faulted" text="none" title="Its stations are neither read nor written." />
      ) : (
        <Name text={pinned === owner ? `${owner} (pinned)` : owner} />
      ),
  },
  {
    id: "stations",
    title: "Stations",
    width: "96px",
    numeric: true,
    cell: ({ stations }) => (stations === null ? NONE : count(stations)),
  },
  {
    id: "epoch",
    title: "Epoch",
    width: "112px",
    numeric: true,
    wideOnly: true,
    cell: ({ epoch }) => epoch ?? NONE,
  },
];
