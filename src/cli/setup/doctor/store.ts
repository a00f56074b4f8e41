import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { HistorianSettings } from "../../../config/index.ts";
import { openHistorian, spoolFile, spoolNames } from "../../../historian/index.ts";
import { createLog, messageOf } from "../../../log/log.ts";
import { QUEUE_FORM } from "../../../queue/file.ts";
import { openSessionDatabase } from "../../../sessions/index.ts";
import { rejectNewer } from "../../../storage/sqlite.ts";
import { STATE_FORM } from "../../../storage/state-store.ts";
import { systemClock, withDeadline } from "../../../time/clock.ts";
import type { Finding, Site, SiteCheck } from "./site.ts";

/** Default files of the stores that are files, in the data folder. */
const FILES = { history: "historian.sqlite", sessions: "sessions.sqlite" };

/** Whether the stores of the history and of the sessions can be opened by this version, and no newer one wrote the other files. */
export const stores: SiteCheck = async (site) => {
  const { historian, sessions, data } = site.settings;
  const openReading = (store: Pick<HistorianSettings, "backend" | "connection">) => async () => {
    const log = createLog({ level: "silent" });
    return await openHistorian({ ...historian, ...store }, data, { readonly: true, log });
  };
  const [history, charging, ...also] = await Promise.all([
    historian.backend === "none"
      ? ({
          check: "store",
          outcome: "ok",
          text: "history is switched off (historian.backend is none)",
        } as const)
      : opened(site, "history", historian, openReading(historian)),
    sessions.enabled
      ? opened(site, "sessions", sessions, (signal) =>
          openSessionDatabase(
            { backend: sessions.backend, connection: sessions.connection, dataFolder: data, readonly: true },
            signal,
          ),
        )
      : undefined,
    ...historian.also.map((store) =>
      opened(site, "history", store, openReading(store), `history in ${store.name ?? store.backend}`),
    ),
  ]);
  return [...newerFiles(data), ...[history, charging, ...also].filter((finding) => finding !== undefined)];
};

/** Finds the state and queues that a newer version wrote: a bridge does not start on them. */
function newerFiles(folder: string): Finding[] {
  if (!existsSync(folder)) return [];
  const spools = [spoolFile(), ...spoolNames(folder).map(spoolFile)];
  const queues = ["outbox.sqlite", ...spools].map((name) => [name, QUEUE_FORM] as const);
  return [["state.sqlite", STATE_FORM] as const, ...queues].flatMap(([name, form]): Finding[] => {
    try {
      rejectNewer(join(folder, name), form);
      return [];
    } catch (error) {
      const remedy = "a bridge of this version does not start on it";
      return [{ check: "store", outcome: "failed", text: messageOf(error), remedy }];
    }
  });
}

async function opened(
  { settings, timeoutMs, signal }: Site,
  what: keyof typeof FILES,
  {
    backend,
    connection,
  }: { readonly backend: string; readonly connection: Readonly<Record<string, unknown>> },
  open: (signal: AbortSignal) => Promise<{ close(): Promise<void> }>,
  name: string = what,
): Promise<Finding> {
  const check = "store";
  const file = backend.endsWith("sqlite")
    ? resolve(settings.data, String(connection.path ?? FILES[what]))
    : undefined;
  if (file !== undefined && !existsSync(file))
    return { check, outcome: "ok", text: `${name}: ${file} does not exist yet; the bridge creates it` };
  try {
    const deadline = { clock: systemClock, ms: timeoutMs, signal, what: `opening the ${what}` };
    await withDeadline(deadline, async (s) => (await open(s)).close());
    return { check, outcome: "ok", text: `${name}: ${file ?? backend} can be opened` };
  } catch (error) {
    signal.throwIfAborted();
    return {
      ...{ check, outcome: "failed", text: `${name}: ${messageOf(error)}` },
      remedy: "until that is mended, values wait on disk in the data folder",
    };
  }
}
