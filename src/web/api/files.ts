import { type Static, Type } from "typebox";
import type { Diagnostic } from "../../config/index.ts";
import type { ReloadReport } from "../../devices/commands.ts";
import { messageOf } from "../../log/log.ts";
import { FileRefusal, type RefusalKind } from "../files/refusal.ts";
import type { Saved } from "../files/stored-file.ts";
import type { WebParts } from "../parts.ts";
import { type diagnosticView, nullable, record, reloadReport, time } from "../schemas.ts";
import { Problem } from "../server/problem.ts";
import type { Route, RouteRequest } from "../server/route.ts";

/** What the routes of registries and configs share. */

export const text = Type.String({ description: "The whole text of the file, without a byte order mark." });

export const textBody = record({ text });

export const saveBody = record({
  text,
  basedOn: nullable(
    Type.String({ description: "Revision that the text was made from; null: the file is new." }),
  ),
});

export const storedFields = {
  name: Type.String(),
  text,
  revision: Type.String({ description: "Identifies the content of the file on disk." }),
  encoding: Type.String({ description: "Encoding on disk; a save writes UTF-8." }),
  modifiedAt: time("When the file was changed last."),
};

export const diffField = nullable(
  Type.Array(
    record({
      oldStart: Type.Integer(),
      newStart: Type.Integer(),
      lines: Type.Array(Type.String({ description: "A line after ` `, `-` or `+`." })),
    }),
    { description: "How the text differs from the file; null: too much to be shown." },
  ),
);

export const savedAnswer = record({
  revision: Type.String(),
  changed: Type.Boolean({ description: "Whether the file has other content than before." }),
  backup: nullable(Type.String({ description: "Name of the copy of what the file contained, beside it." })),
  reload: nullable(reloadReport, { description: "What the bridge made of it; null: nothing was loaded." }),
  reloadError: nullable(
    Type.String({ description: "Why the files could not be loaded again. The file was written." }),
  ),
});

export function reportView(report: ReloadReport): Static<typeof reloadReport> {
  const { result, changes, settings, afterRestart, problems } = report;
  return {
    result,
    changes: changes.map((change) => ({ ...change })),
    settings: [...settings],
    afterRestart: [...afterRestart],
    problems: problems.map(viewOfDiagnostic),
  };
}

export function viewOfDiagnostic(diagnostic: Diagnostic): Static<typeof diagnosticView> {
  const { code, severity, file, line, column, message } = diagnostic;
  const { cell = null, path = null, found = null, expected = null, suggestion = null } = diagnostic;
  return { code, severity, file, line, column, cell, path, message, found, expected, suggestion };
}

const STATUS: Readonly<Record<RefusalKind, number>> = {
  bad_file_name: 400,
  no_such_file: 404,
  unreadable_file: 409,
  file_exists: 409,
  file_changed: 409,
  trial_running: 409,
  file_too_large: 413,
  file_not_usable: 422,
  file_not_written: 503,
};

/** Returns a route whose refusals of files are problems. */
export function withRefusals(route: Route): Route {
  return {
    ...route,
    async handle(request) {
      try {
        return await route.handle(request);
      } catch (error) {
        if (!(error instanceof FileRefusal)) throw error;
        const { diagnostics, ...facts } = error.facts as { readonly diagnostics?: readonly Diagnostic[] };
        throw new Problem(STATUS[error.kind], error.kind, error.message, {
          ...facts,
          ...(diagnostics && { diagnostics: diagnostics.map(viewOfDiagnostic) }),
        });
      }
    },
  };
}

/** Reports a saved file, and loads it. */
export async function afterSave(
  { reloader, bus, log, now }: WebParts,
  what: string,
  saved: Saved,
  { caller }: Pick<RouteRequest, "caller">,
): Promise<Static<typeof savedAnswer>> {
  const { revision, changed, backup = null } = saved;
  if (!changed) return { revision, changed, backup, reload: null, reloadError: null };
  const kept = backup === null ? "" : `; what it contained is in ${backup}`;
  const said = `${what} was written by ${caller.name} through the web${kept}`;
  log.part("web").info(said, { kind: "file_written" });
  bus.emit("notice", { severity: "info", kind: "file_written", text: said, at: now() });
  try {
    const report = await reloader?.reload();
    return { revision, changed, backup, reload: report ? reportView(report) : null, reloadError: null };
  } catch (error) {
    return { revision, changed, backup, reload: null, reloadError: messageOf(error) };
  }
}
