import { isDeepStrictEqual } from "node:util";
import {
  type EstateStatus,
  estateStatus,
  type MemberStatus,
  type RevisionState,
} from "../../cluster/status.ts";
import { pause, systemClock } from "../../time/clock.ts";
import { CommandError } from "../terminal/command-error.ts";
import { Redrawn } from "../terminal/redrawn.ts";
import { counted, duration, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import type { KnownEstate } from "./estate.ts";

interface Flags {
  readonly json?: true;
}

export async function showStatus(estate: KnownEstate, flags: Flags, terminal: Terminal): Promise<void> {
  const status = estateStatus(await estate.store.view(), estate.shards);
  if (flags.json) printJson(terminal, status);
  else terminal.out(`${describe(estate.instance, status, Date.now()).join("\n")}\n`);
  if (status.problems.some(({ severity }) => severity === "error")) throw new CommandError("");
}

const LOOK_MS = 500;

/** Shows the status at each change until the command is ended; on a terminal in place. */
export async function watchStatus(estate: KnownEstate, flags: Flags, terminal: Terminal): Promise<void> {
  const inPlace = terminal.interactive && !flags.json;
  const lines = new Redrawn(terminal);
  let shown: EstateStatus | undefined;
  while (!terminal.ending.aborted) {
    const status = estateStatus(await estate.store.view(), estate.shards);
    const isChanged = !isDeepStrictEqual(status, shown);
    shown = status;
    // In place, the times since which members run go on.
    if (inPlace) lines.draw(describe(estate.instance, status, Date.now()));
    else if (isChanged && flags.json) terminal.data(`${JSON.stringify({ at: new Date(), ...status })}\n`);
    else if (isChanged)
      terminal.out(
        `${new Date().toISOString()}\n${describe(estate.instance, status, Date.now()).join("\n")}\n\n`,
      );
    await pause(systemClock, LOOK_MS, terminal.ending).catch(() => undefined);
  }
  lines.leave();
}

const STATES: Readonly<Record<RevisionState, string>> = {
  active: "active",
  pending: "active, another pending",
  applying: "being applied",
  lacking: "LACKS IT",
};

function describe(instance: string, status: EstateStatus, now: number): string[] {
  const { members, shards, revision, problems } = status;
  const stations = shards.reduce((sum, shard) => sum + (shard.stations ?? 0), 0);
  const head = `${instance}: ${counted(members.length, "member")}, ${counted(shards.length, "shard")}, ${counted(stations, "station")}, revision ${revision ?? "none"}`;
  const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
    rows.length === 0 ? [] : ["", ...formatTable(header, rows).trimEnd().split("\n")];
  return [
    head,
    ...table(
      ["member", "host", "version", "up", "weight", "shards", "stations", "revision"],
      members.map((member) => memberRow(member, now)),
    ),
    ...table(
      ["shard", "stations", "owner", "epoch", ""],
      shards.map(({ name, stations: count, owner, epoch, pinned }) => [
        name,
        count === null ? "–" : String(count),
        owner ?? "NONE",
        epoch ?? "–",
        pinned === null ? "" : `pinned to ${pinned}`,
      ]),
    ),
    "",
    ...(problems.length === 0
      ? ["no problems"]
      : problems.map(({ severity, text }) => `${severity}: ${text}`)),
  ];
}

function memberRow({ draining, ...member }: MemberStatus, now: number): string[] {
  const upSeconds = Math.max(0, (now - Date.parse(member.startedAt)) / 1000);
  return [
    member.id,
    member.host,
    member.version,
    Number.isNaN(upSeconds) ? "–" : duration(upSeconds),
    String(member.weight),
    String(member.shards.length),
    String(member.stations),
    `${STATES[member.state]}${draining ? ", draining" : ""}`,
  ];
}
