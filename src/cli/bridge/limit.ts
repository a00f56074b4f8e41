import { type Command, InvalidArgumentError } from "commander";
import type { LimitGroup } from "../../devices/index.ts";
import { formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

export function limit(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("limit")
      .description(
        "Keep the sum of a group's loads under a limit, through the running bridge; without a limit, show it.",
      )
      .argument("[group]", "group of the bridge config's section limits (default: list all)")
      .argument("[kW]", "the limit, or off", limitArgument),
  ).action(async (group: string | undefined, kw: number | null | undefined, flags: BridgeFlags) => {
    if (group === undefined || kw === undefined) {
      const groups = (await call("get_limits", { group: group ?? null }, flags, terminal)) as unknown;
      show(groups as LimitGroup[], group !== undefined, flags, terminal);
    } else {
      const changed = (await call("set_limit", { group, kw }, flags, terminal)) as unknown;
      show([changed as LimitGroup], false, flags, terminal);
    }
  });
}

function limitArgument(text: string): number | null {
  if (text === "off") return null;
  const kw = Number(text);
  if (text.trim() === "" || !Number.isFinite(kw) || kw < 0)
    throw new InvalidArgumentError(`expected a number of kW, 0 or more, or off; found "${text}"`);
  return kw;
}

function show(
  groups: readonly LimitGroup[],
  withOutlets: boolean,
  flags: BridgeFlags,
  terminal: Terminal,
): void {
  if (flags.json) printJson(terminal, groups);
  else if (groups.length === 0)
    terminal.out('no limit groups; add them to the bridge config, section "limits"\n');
  else terminal.out(tables(groups, withOutlets || groups.length === 1));
}

function tables(groups: readonly LimitGroup[], withOutlets: boolean): string {
  const rows = groups.map(({ group, maxKw, loadKw, mayDrawKw, busy, waiting, outlets }) => [
    group,
    maxKw === null ? "off" : kwText(maxKw),
    kwText(loadKw),
    kwText(mayDrawKw),
    String(busy),
    String(waiting),
    String(outlets.filter(({ trouble }) => trouble !== undefined).length),
    String(outlets.length),
  ]);
  const header = ["group", "limit kW", "load kW", "may draw kW", "busy", "waiting", "in trouble", "outlets"];
  const summary = formatTable(header, rows);
  const outlets = groups.flatMap((group) => group.outlets);
  if (!withOutlets || outlets.length === 0) return summary;
  const details = outlets.map(({ device, point, state, loadKw, limitKw, nominalKw, trouble }) => [
    `${device}/${point}`,
    state,
    loadKw === null ? "?" : kwText(loadKw),
    limitKw === null ? "none" : kwText(limitKw),
    kwText(nominalKw),
    trouble ?? "",
  ]);
  const columns = ["outlet", "state", "load kW", "limit kW", "nominal kW", "trouble"];
  return `${summary}\n${formatTable(columns, details)}`;
}

function kwText(kw: number): string {
  return kw.toFixed(2);
}
