import type { Command } from "commander";
import type { ReloadReport } from "../../devices/index.ts";
import { countErrors, countsText, formatAll } from "../setup/diagnostics.ts";
import { CommandError } from "../terminal/command-error.ts";
import { formatTable, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

export function reload(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("reload")
      .description(
        "Apply changed configs and registries to the running bridge. Exits with 1 where a file has an error or --confirm is needed.",
      )
      .option("--confirm", "also remove more than half of the devices"),
  ).action((flags: BridgeFlags & { confirm?: true }) =>
    show({ confirm: flags.confirm ?? false, preview: false }, flags, terminal),
  );
}

export function diff(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("diff")
      .description(
        "Show what a reload of the running bridge would change. Exits with 1 where a file has an error or --confirm would be needed.",
      ),
  ).action((flags: BridgeFlags) => show({ confirm: false, preview: true }, flags, terminal));
}

interface Asked {
  readonly confirm: boolean;
  readonly preview: boolean;
}

async function show(asked: Asked, flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const report = (await call("reload", { ...asked }, flags, terminal)) as unknown as ReloadReport;
  if (flags.json) printJson(terminal, report);
  else terminal.out(reportText(report, asked.preview));
  const isDone = report.result === "unchanged" || report.result === "applied";
  if (!isDone || countErrors(report.problems) > 0) throw new CommandError("");
}

function reportText(report: ReloadReport, preview: boolean): string {
  const { result, changes, settings, afterRestart, problems } = report;
  const isDone = result === "applied" && !preview;
  const rows = changes.map(({ kind, device, text }) => [kind, device, text]);
  const list = (names: readonly string[]) => names.map(singleLine).join(", ");
  return [
    `${(preview ? PREVIEW : DONE)[result]}\n`,
    rows.length > 0 ? formatTable([isDone ? "was" : "would be", "device", "what differs"], rows) : "",
    settings.length > 0
      ? `settings that ${isDone ? "were changed" : "would be changed"}: ${list(settings)}\n`
      : "",
    afterRestart.length > 0
      ? `settings that ${isDone ? "take" : "would take"} effect after a restart: ${list(afterRestart)}\n`
      : "",
    problems.length > 0 ? `${formatAll(problems)}${countsText(problems)}\n` : "",
  ].join("");
}

const DONE: Readonly<Record<ReloadReport["result"], string>> = {
  unchanged: "nothing has changed",
  applied: "applied:",
  invalid: "nothing was changed, because of the errors below",
  unconfirmed:
    "nothing was changed: more than half of the devices would be removed. To remove them: voltbridge reload --confirm",
};

const PREVIEW: Readonly<Record<ReloadReport["result"], string>> = {
  unchanged: "a reload would change nothing",
  applied: "a reload would apply:",
  invalid: "a reload would change nothing, because of the errors below",
  unconfirmed:
    "a reload would change nothing, because more than half of the devices would be removed. To remove them: voltbridge reload --confirm",
};
