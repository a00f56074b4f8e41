import { setTimeout as sleep } from "node:timers/promises";
import type { BridgeSettings } from "../../config/index.ts";
import type { CallRecord, ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import { type SessionDatabase, SessionReader, type SyncReport, syncSessions } from "../../sessions/index.ts";
import { type AccountFlags, isServiceError } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { counted } from "../terminal/table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { sessionAccounts } from "./session-account.ts";

export interface SyncFlags extends AccountFlags, LogFlags {
  readonly config?: string;
  readonly data?: string;
  readonly from: Date;
  readonly to?: Date;
  readonly intervals?: true;
  readonly payments: boolean;
  readonly restart?: true;
  readonly callsPerMinute: number;
  readonly json?: true;
}

/** Time between two lines of progress where standard error is not a screen, in milliseconds. */
const LINE_EVERY_MS = 10_000;

/** Syncs one account after the other into the tables, and prints what was stored. */
export async function sync(
  database: SessionDatabase,
  settings: BridgeSettings,
  flags: SyncFlags,
  terminal: Terminal,
): Promise<void> {
  if (flags.to && flags.to <= flags.from) throw new CommandError("--to must be after --from", EXIT.usage);
  const { secrets } = terminal;
  const log = terminalLog(terminal, flags, secrets);
  let calls = 0;
  const onCall = (_: CallRecord) => void calls++;
  const reports: (SyncReport & { readonly account: string })[] = [];
  for (const account of await sessionAccounts(flags, terminal, { log, onCall })) {
    const progress = new Progress(terminal, LINE_EVERY_MS);
    try {
      const report = await syncSessions({
        account: { ...account, client: paced(account.client, flags.callsPerMinute, terminal.ending) },
        database,
        kind: "backfill",
        from: flags.from,
        ...(flags.to && { to: flags.to }),
        personalData: settings.sessions.personalData,
        payments: flags.payments && settings.sessions.payments,
        intervals: flags.intervals ?? false,
        nameplates: true,
        announceSince: await announcedSince(database, account.key, settings),
        restart: flags.restart ?? false,
        signal: terminal.ending,
        onProgress: (step) => progress.show(step),
      });
      reports.push({ ...report, account: account.label });
      if (!flags.json) terminal.out(summary(account.label, report, calls));
    } catch (error) {
      if (terminal.ending.aborted || isServiceError(error))
        throw new CommandError(
          `${terminal.ending.aborted ? "interrupted" : (error as Error).message}\nstored sessions are kept; run the same command again to resume`,
          EXIT.failed,
          { cause: error },
        );
      throw error;
    } finally {
      await account.client.close();
    }
  }
  if (flags.json)
    printJson(
      terminal,
      reports.map(({ refused, ...report }) => ({ ...report, calls, refused: Object.fromEntries(refused) })),
    );
  if (reports.some(({ refused }) => refused.size > 0))
    throw new CommandError("some records could not be stored; the reasons are listed above", EXIT.failed);
}

/** Returns since when events are announced, or null: a bridge that publishes events announces sessions found here too. */
async function announcedSince(
  database: SessionDatabase,
  account: string,
  { sessions: { enabled, publish } }: BridgeSettings,
): Promise<string | null> {
  if (!enabled || !publish) return null;
  const runs = await new SessionReader(database).all("sync_run");
  return runs.find((run) => run.account === account && run.kind === "continuous")?.first_at ?? null;
}

function summary(account: string, report: SyncReport, calls: number): string {
  const { counts, payments, stations, alarms, intervals, resumed, refused, problems } = report;
  return [
    account,
    ...(resumed
      ? [`resumes the sync of ${resumed}: the sessions include its own, all other figures are of this part`]
      : []),
    `sessions   ${counts.seen} seen: ${counts.added} new, ${counts.updated} updated, ${counts.unchanged} unchanged, ${counts.refused} refused`,
    `besides    ${counted(stations, "station")}, ${counted(payments, "payment")}, ${counted(alarms, "alarm")}${intervals > 0 ? `, quarter hours of ${counted(intervals, "session")}` : ""}`,
    `calls      ${calls}`,
    ...[...refused].map(([reason, count]) => `refused    ${count}: ${reason}`),
    ...problems.map((problem) => `not read   ${problem}`),
    "",
  ].join("\n");
}

/** Returns a client that spaces its calls, so that the account's limit holds whatever the response times are. */
function paced(
  client: ChargePointClient,
  perMinute: number,
  signal: AbortSignal,
): Pick<ChargePointClient, "call"> {
  if (perMinute === 0) return client;
  const spacing = 60_000 / perMinute;
  let next = 0;
  return {
    async call(operation, request, options) {
      const now = performance.now();
      const wait = next - now;
      next = Math.max(now, next) + spacing;
      if (wait > 0) await sleep(wait, undefined, { signal });
      return await client.call(operation, request, options);
    },
  };
}
