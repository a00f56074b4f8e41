import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { closest } from "../../config/index.ts";
import { csvCell } from "../../csv-cell.ts";
import { driverTypes } from "../../devices/index.ts";
import type { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import type { FoundStation } from "../../drivers/chargepoint/discovery/index.ts";
import {
  describedRows,
  type ProposedRow,
  priceOf,
  proposeRows,
  registerNames,
  type StationKind,
} from "../../drivers/chargepoint/discovery/propose-rows.ts";
import { readRegistry } from "../../registry/index.ts";
import { isServiceError } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { formatAll } from "./diagnostics.ts";

/** Flags that choose the points of the registries to make. */
export interface PointFlags {
  readonly points?: string;
  readonly like?: string;
}

/** The registry of one kind of station. */
export interface MadeRegistry {
  /** File name, after the model. */
  readonly name: string;
  readonly kind: StationKind;
  readonly text: string;
}

const shipped = (name: string) => fileURLToPath(new URL(`../../../registry/${name}`, import.meta.url));
/** Every attribute of a station. */
const EVERY_POINT = shipped("chargepoint.csv");
/** Status, load and limits: what a new site needs. */
export const FEW_POINTS = shipped("chargepoint-minimal.csv");

export function pointOptions(command: Command): Command {
  return command
    .option(
      "--points <list>",
      "only these registers and attributes, e.g. load,status,stationName (default: all that can be read)",
    )
    .option("--like <file>", "registry CSV whose points, names, bounds and columns are taken");
}

/**
 * Makes a registry for each kind of station: with its real ports, and without what the account cannot read there.
 * @throws CommandError when the account cannot be asked, or the flags choose nothing
 */
export async function makeRegistries(
  client: Pick<ChargePointClient, "call">,
  stations: readonly FoundStation[],
  flags: PointFlags,
  terminal: Terminal,
): Promise<MadeRegistry[]> {
  const wanted = await wantedRows(flags, terminal);
  const kinds = await proposeRows(client, stations, wanted, terminal.ending).catch((error: unknown) => {
    terminal.ending.throwIfAborted();
    if (!isServiceError(error)) throw error;
    const message = `cannot find out what the account can read: ${error.message}`;
    throw new CommandError(message, EXIT.failed, { cause: error });
  });
  const taken = new Map<string, number>();
  return kinds.map((kind) => {
    const base = fileNameOf(kind.model);
    const count = (taken.get(base) ?? 0) + 1;
    taken.set(base, count);
    return {
      name: count === 1 ? `${base}.csv` : `${base}-${count}.csv`,
      kind,
      text: registryText(kind.rows),
    };
  });
}

async function wantedRows({ points, like }: PointFlags, terminal: Terminal): Promise<readonly ProposedRow[]> {
  const rows = await rowsOf(like ?? EVERY_POINT, terminal);
  if (points === undefined || points === "all") return rows;
  const words = points.split(",").map((word) => word.trim());
  const every = like === undefined ? rows : await rowsOf(EVERY_POINT, terminal);
  const described = describedRows(() => true);
  const chosen = words.map((word) => {
    const isChosen = choice(word, described);
    // The shipped registry leaves out public stations and second spellings.
    const found = [rows, every, described]
      .map((list) => list.filter(isChosen))
      .find((list) => list.length > 0);
    return new Set(found?.map(nameOf));
  });
  const order = [...rows, ...every, ...described];
  const names = new Set(chosen.flatMap((set) => [...set]));
  const seen = new Set<string>();
  return order.filter((row) => names.has(nameOf(row)) && !seen.has(nameOf(row)) && seen.add(nameOf(row)));
}

const nameOf = ({ register, attribute, port }: ProposedRow) => `${register} ${attribute} ${port}`;

/** Returns whether a word of `--points` chooses a row: a register or an attribute, in any case. */
function choice(word: string, described: readonly ProposedRow[]): (row: ProposedRow) => boolean {
  const wanted = word.toLowerCase();
  const register = registerNames().get(wanted);
  if (register !== undefined) return (row) => row.register === register;
  const attributes = [...new Set(described.map(({ attribute }) => attribute))];
  // Two attributes differ only in case: faultReason has a second spelling.
  if (attributes.includes(word)) return (row) => row.attribute === word;
  if (attributes.some((name) => name.toLowerCase() === wanted))
    return (row) => row.attribute.toLowerCase() === wanted;
  const near = closest(word, [...registerNames().keys(), ...attributes]);
  throw new CommandError(
    `--points: no register or attribute is named "${word}"${near === undefined ? "." : `; did you mean "${near}"?`} "voltbridge registry attributes chargepoint" lists all`,
    EXIT.usage,
  );
}

/** Reads the rows of a registry. Its problems are printed, rows with an error are left out. */
async function rowsOf(file: string, terminal: Terminal): Promise<readonly ProposedRow[]> {
  const { rows, diagnostics } = await readRegistry(file);
  const problems = [...diagnostics, ...driverTypes.chargepoint!.checkRows(rows)];
  terminal.err(formatAll(problems));
  if (rows.length === 0)
    throw new CommandError(`no row of ${file} can be used; see above`, EXIT.configuration);
  return rows;
}

/** Price that a note ends with, of this or an earlier run. */
const PRICE = / ?\[get\w+: [^\]]*\]$/;

/** Formats rows as a registry CSV. The notes end with the price of the row in API calls. */
function registryText(rows: readonly ProposedRow[]): string {
  const extra = [...new Set(rows.flatMap(({ point }) => Object.keys(point.extra)))];
  const hasDeadband = rows.some(({ point }) => point.deadband !== undefined);
  const hasStore = rows.some(({ point }) => point.store !== undefined);
  const header = [
    ...["Volttron Point Name", "Attribute Name", "Register Name", "Port #", "Type", "Units"],
    ...["Starting Value", "Writable", "Notes", "Min", "Max", ...(hasDeadband ? ["Deadband"] : []), "Publish"],
    ...(hasStore ? ["Store"] : []),
    ...extra,
  ];
  const lines = rows.map((row) => {
    const { point, attribute, register, port } = row;
    const notes = `${point.notes.replace(PRICE, "")} [${priceOf(row)}]`.trim();
    return [
      ...[point.name, attribute, register, port, point.type, point.units, point.startingValue],
      ...[point.writable ? "TRUE" : "FALSE", notes, point.min, point.max],
      ...(hasDeadband ? [point.deadband] : []),
      point.publish === "always" ? "" : point.publish,
      ...(hasStore ? [point.store] : []),
      ...extra.map((name) => point.extra[name]),
    ];
  });
  return [header, ...lines].map((cells) => `${cells.map(csvCell).join(",")}\n`).join("");
}

function fileNameOf(model: string | null): string {
  const name = (model ?? "").toLowerCase().replaceAll(/[^\w-]+/g, "-");
  return name.replaceAll(/^-+|-+$/g, "") || "station";
}

/** Formats what was made for each kind of station. */
export function madeTable(made: readonly MadeRegistry[]): string {
  return formatTable(
    ["registry", "model", "ports", "stations", "points"],
    made.map(({ name, kind: { model, ports, stations, rows } }) => [
      name,
      formatValue(model),
      ports.join(" "),
      `${stations.length}`,
      `${rows.length}`,
    ]),
  );
}

/** Formats what the points of the registries cost, and which were left out. */
export function madeNotes(made: readonly MadeRegistry[]): string {
  const calls = new Map(made.flatMap(({ kind }) => kind.calls).map((call) => [call.operation, call.cost]));
  const leftOut = new Map<string, string[]>();
  for (const { name, kind } of made)
    for (const [reason, points] of kind.leftOut)
      leftOut.set(reason, [...(leftOut.get(reason) ?? []), `${name}: ${counted(points.length, "point")}`]);
  const untried = new Set(made.flatMap(({ kind }) => kind.untried));
  return [
    ...[...calls].map(([operation, cost]) => `${operation}: ${cost}\n`),
    ...[...leftOut].map(([reason, where]) => `left out (${where.join(", ")}): ${reason}\n`),
    ...[...untried].map((reason) => `could not be tried now, and kept: ${reason}\n`),
  ].join("");
}
