import type { Command } from "commander";
import { defaultBridge } from "../../../config/index.ts";
import { testableAccounts } from "../../../devices/index.ts";
import { messageOf } from "../../../log/log.ts";
import { readBridge } from "../../../reload/bridge-files.ts";
import { CommandError, EXIT } from "../../terminal/command-error.ts";
import { testOptions } from "../../terminal/options.ts";
import { formatTable } from "../../terminal/table.ts";
import { printJson, type Terminal } from "../../terminal/terminal.ts";
import { checkBridge } from "../check.ts";
import { loadAll } from "../load.ts";
import { accounts, clock, proxy } from "./accounts.ts";
import { broker, brokerFault, instance } from "./broker.ts";
import { disk, permissions } from "./data-folder.ts";
import { checkFiles, checkSecrets } from "./files.ts";
import { network, placeOf, reachHost } from "./network.ts";
import type { Finding, Reached, Site, SiteCheck } from "./site.ts";
import { stores } from "./store.ts";

interface Flags {
  readonly config?: string;
  readonly timeout: number;
  readonly json?: true;
}

/** THE LIST of checks beside those of the files, in the order of the report. They run at the same time. */
const checks: Readonly<Record<string, SiteCheck>> = {
  ...{ permissions, disk, store: stores, network, proxy, broker, bridge: instance, account: accounts, clock },
};

export function doctor(program: Command, terminal: Terminal): void {
  const command = program
    .command("doctor")
    .description(
      "Check what a bridge needs: files, secrets, data folder, network, broker, accounts, clock. Exits with 1 when a check fails.",
    )
    .addHelpText(
      "after",
      "\nIt runs beside a bridge or without one, changes nothing at stations, and leaves no messages at the broker. Each account\nis asked once for each kind of data that the registries need.",
    );
  testOptions(command).action((flags: Flags) => examine(flags, terminal));
}

async function examine(flags: Flags, terminal: Terminal): Promise<void> {
  const findings = await findAll(flags, terminal);
  if (flags.json) printJson(terminal, findings);
  else terminal.out(report(findings, terminal));
  const count = (wanted: Finding["outcome"]) => findings.filter(({ outcome }) => outcome === wanted).length;
  if (!flags.json)
    terminal.err(
      `${count("ok")} ok, ${count("warning")} warning, ${count("failed")} failed, ${count("skipped")} skipped\n`,
    );
  if (count("failed") > 0) throw new CommandError("", EXIT.failed);
}

async function findAll(flags: Flags, terminal: Terminal): Promise<Finding[]> {
  const options = { config: flags.config, secrets: terminal.secrets, env: terminal.env };
  const file = flags.config ?? defaultBridge().file;
  const diagnostics = await checkBridge(flags.config, { ...options, online: async () => [] });
  const { settings } = readBridge(flags.config, options);
  const devices = settings ? (await loadAll(options)).devices : [];
  const found = [...checkFiles(file, devices.length, diagnostics), ...checkSecrets(diagnostics)];
  if (!settings) {
    const text = "not checked, because the bridge config cannot be used (see files and secrets)";
    return [...found, ...Object.keys(checks).map((check) => ({ check, outcome: "skipped" as const, text }))];
  }
  const limits = { timeoutMs: flags.timeout * 1000, signal: terminal.ending };
  let fault: ReturnType<Site["brokerFault"]> | undefined;
  const reached = new Map<string, Promise<Reached>>();
  const site: Site = {
    ...{ settings, devices, diagnostics, env: terminal.env, ...limits },
    accounts: testableAccounts(devices),
    brokerFault() {
      fault ??= brokerFault(site);
      return fault;
    },
    reach(url) {
      const place = placeOf(url);
      const pem = /^(mqtts|wss):$/.test(url.protocol) ? settings.mqtt : {};
      const known = reached.get(place) ?? reachHost(url, pem, limits);
      reached.set(place, known);
      return known;
    },
  };
  terminal.progress("checking …");
  const results = await Promise.all(
    Object.entries(checks).map(([check, run]) =>
      run(site).catch((error: unknown): Finding[] => {
        terminal.ending.throwIfAborted();
        const text = `the check could not be completed: ${messageOf(error)}`;
        return [{ check, outcome: "failed", text }];
      }),
    ),
  );
  return [...found, ...results.flat()];
}

/** One line for each finding; on a screen, texts are wrapped and remedies follow on lines of their own. */
function report(findings: readonly Finding[], { interactive, columns }: Terminal): string {
  const header = ["check", "outcome", "result"];
  if (!interactive)
    return formatTable(
      header,
      findings.map(({ check, outcome, text, remedy }) => [
        check,
        outcome,
        remedy ? `${text}; ${remedy}` : text,
      ]),
    );
  const width = Math.max(
    30,
    columns - Math.max(...findings.map(({ check }) => check.length)) - "  skipped  ".length,
  );
  return formatTable(
    header,
    findings.flatMap(({ check, outcome, text, remedy }) => {
      const lines = [...wrapped(text, width), ...(remedy ? wrapped(`→ ${remedy}`, width) : [])];
      return lines.map((line, i) => (i === 0 ? [check, outcome, line] : ["", "", line]));
    }),
  );
}

/** Breaks a text between words into lines of at most this width; longer words keep a line of their own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
