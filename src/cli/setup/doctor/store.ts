import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { HistorianSettings } from "../../../config/index.ts";
import { openHistorian } from "../../../historian/index.ts";
import { createLog, messageOf } from "../../../log/log.ts";
import { openSessionDatabase } from "../../../sessions/index.ts";
import { systemClock, withDeadline } from "../../../time/clock.ts";
import type { Finding, Site, SiteCheck } from "./site.ts";

/** Default files of the stores that are files, in the data folder. */
const FILES = { history: "historian.sqlite", sessions: "sessions.sqlite" };

/** Whether the store of the history and that of the sessions can be opened by this version. */
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
  return [history, charging, ...also].filter((finding) => finding !== undefined);
};

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
