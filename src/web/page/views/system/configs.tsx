import { useState } from "preact/hooks";
import { answer } from "../../kit/controls/answers.tsx";
import { Dialog, HoldButton } from "../../kit/controls/dialog.tsx";
import { Facts } from "../../kit/text/facts.tsx";
import { counted } from "../../kit/text/format.ts";
import { Failed, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { useLoaded } from "../../state/requests/loaded.ts";
import type { ReloadReport } from "../registry/files-api.ts";
import type { Health } from "./reports.ts";

/** The files as they were loaded last, and the way to load them again. */
export function Configs({ config, onReload }: { config: Health["config"]; onReload: () => void }) {
  const info = useSignalValue(bridge);
  const [isOpen, setOpen] = useState(false);
  if (!config) return <p class="quiet">The configs of this bridge are not loaded from files.</p>;
  const { state, loadedAt, text, problems, problemCount, afterRestart } = config;
  const isAdmin = info?.caller?.role === "admin";
  return (
    <>
      <Facts
        facts={[
          [
            "State",
            state === "ok" ? (
              <StateMark key="s" state="available" text="all files are in effect" />
            ) : state === "config_error" ? (
              <StateMark
                key="s"
                state="faulted"
                text={problemCount === 1 ? "a file has an error" : `files have ${problemCount} errors`}
              />
            ) : (
              <StateMark key="s" state="limited" text="a change waits for a confirmation" />
            ),
          ],
          ["Loaded", <Time key="t" at={loadedAt} />],
          afterRestart.length > 0 && ["After a restart", afterRestart.join(", ")],
        ]}
      />
      {text && <p class="effect">{text}</p>}
      {problems.length > 0 && (
        <ul class="problems">
          {problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
          {problemCount > problems.length && (
            <li class="quiet">
              and {problemCount - problems.length} more{isAdmin ? ": Reload shows all" : ""}
            </li>
          )}
        </ul>
      )}
      {info?.has.reload &&
        (isAdmin ? (
          <button type="button" class="button" onClick={() => setOpen(true)}>
            Reload…
          </button>
        ) : (
          <p class="quiet">
            Changed files take effect by themselves, or with <code>voltbridge reload</code>. From here, it
            needs the role admin.
          </p>
        ))}
      {isOpen && <ReloadDialog onDone={onReload} onClose={() => setOpen(false)} />}
    </>
  );
}

/** Shows what a reload would do, and does it. */
function ReloadDialog({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const preview = useLoaded((signal) => api.post<ReloadReport>("reload", { preview: true }, { signal }), []);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<unknown>();
  const [done, setDone] = useState<ReloadReport>();
  const reload = async (confirm: boolean): Promise<void> => {
    setSending(true);
    setError(undefined);
    try {
      const report = await api.post<ReloadReport>("reload", confirm ? { confirm: true } : {});
      if (report.result === "applied" && report.problems.length === 0) {
        answer(`Reloaded: ${summary(report)}.`);
        onClose();
      } else setDone(report);
      onDone();
    } catch (reason) {
      setError(reason);
    } finally {
      setSending(false);
    }
  };
  const removed = preview.value?.changes.filter(({ kind }) => kind === "removed").length ?? 0;
  const result = done ? undefined : preview.value?.result;
  return (
    <Dialog title={done ? "Reloaded" : "Reload configs and registries"} onClose={onClose} wide>
      {done ? (
        <ReportView report={done} isDone />
      ) : (
        <LoadedView of={preview} what="what a reload would do">
          {(report) => <ReportView report={report} />}
        </LoadedView>
      )}
      {error !== undefined && <Failed error={error} what="the reload" />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {result === "applied" || result === "unconfirmed" ? "Cancel" : "Close"}
        </button>
        {(result === "applied" || (result === "unchanged" && preview.value?.afterRestart.length !== 0)) && (
          <button
            type="button"
            class="button primary"
            disabled={isSending}
            onClick={() => void reload(false)}
          >
            Reload
          </button>
        )}
        {result === "unconfirmed" && (
          <HoldButton disabled={isSending} onHeld={() => void reload(true)}>
            {`Remove ${removed} devices and reload`}
          </HoldButton>
        )}
      </div>
    </Dialog>
  );
}

const PREVIEWED: Readonly<Record<ReloadReport["result"], string>> = {
  unchanged: "A reload changes nothing: what runs is what the files say.",
  applied: "A reload does this; what is not named goes on without a pause.",
  invalid: "A reload changes nothing, because of the errors below. Correct them first.",
  unconfirmed:
    "More than half of the devices have no config any more. Is the folder complete? Their limits end as reload.holds says.",
};

const DONE: Readonly<Record<ReloadReport["result"], string>> = {
  unchanged: "Nothing has changed.",
  applied: "The changes are in effect, except for what has an error.",
  invalid: "Nothing was changed, because of the errors below.",
  unconfirmed: "Nothing was changed: more than half of the devices would be removed.",
};

function ReportView({ report, isDone = false }: { report: ReloadReport; isDone?: boolean }) {
  const { result, changes, settings, afterRestart, problems } = report;
  return (
    <>
      <p class="effect">{(isDone ? DONE : PREVIEWED)[result]}</p>
      {changes.length > 0 && (
        <section class="stack tight">
          <h3>Devices</h3>
          <ul class="several">
            {changes.map(({ kind, device, text }) => (
              <li key={`${kind} ${device}`}>
                <span>
                  {kind} <Name text={device} />
                </span>
                <span class="quiet">{text}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {settings.length > 0 && <p>Settings of the bridge config that change: {settings.join(", ")}.</p>}
      {afterRestart.length > 0 && (
        <p>Changed settings that take effect after a restart: {afterRestart.join(", ")}.</p>
      )}
      {problems.length > 0 && (
        <section class="stack tight">
          <h3>{counted(problems.length, "problem")}</h3>
          <ul class="problems">
            {problems.map(({ code, severity, file, line, column, message }) => (
              <li key={`${file}:${line}:${column} ${code}`}>
                <code>
                  {file}:{line}:{column}
                </code>{" "}
                {severity}: {message}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** `2 changed, 1 added; limits` */
function summary({ changes, settings }: ReloadReport): string {
  const kinds = Map.groupBy(changes, ({ kind }) => kind);
  const devices = [...kinds].map(([kind, some]) => `${some.length} ${kind}`).join(", ");
  return [devices && `devices: ${devices}`, settings.length > 0 && `settings: ${settings.join(", ")}`]
    .filter(Boolean)
    .join("; ");
}
