import { Type } from "typebox";
import { ConfigFiles } from "../files/config-files.ts";
import { KEPT } from "../files/masked-secrets.ts";
import { presentSettings } from "../files/present-settings.ts";
import type { WebParts } from "../parts.ts";
import { deviceChangeView, diagnosticView, nullable, record, reloadReport, time, words } from "../schemas.ts";
import { Problem } from "../server/problem.ts";
import { type Route, route } from "../server/route.ts";
import {
  afterSave,
  diffField,
  reportView,
  saveBody,
  savedAnswer,
  storedFields,
  textBody,
  viewOfDiagnostic,
  withRefusals,
} from "./files.ts";

const tag = "configs";
/** A config as JSON. */
const maxBytes = 8_000_000;

const kind = words(["bridge", "device"]);
const problems = Type.Array(diagnosticView);

/** The bridge config and device configs: read without their secrets, checked, written, and loaded again. */
export function configRoutes(parts: WebParts): Route[] {
  const { devices, reloader } = parts;
  const files = new ConfigFiles({ settings: presentSettings(parts.settings), devices });
  const routes = [
    route({
      method: "GET",
      path: "/configs",
      role: "admin",
      tag,
      summary: "The bridge config and the device configs.",
      response: record({
        configs: Type.Array(
          record({
            name: Type.String({ description: "File name of the bridge config, or `devices/…`." }),
            kind,
            bytes: Type.Integer(),
            modifiedAt: time("When it was changed last."),
            device: nullable(
              Type.String({ description: "Topic path of the device or set that runs with it." }),
            ),
          }),
        ),
      }),
      values: true,
      handle: async () => ({
        configs: (await files.list()).map(({ modifiedAt, device = null, ...one }) => ({
          ...one,
          modifiedAt: modifiedAt.toISOString(),
          device,
        })),
      }),
    }),
    route({
      method: "GET",
      path: "/configs/{name}",
      role: "admin",
      tag,
      summary: `A config; in place of each secret it has ${KEPT}.`,
      response: record({ ...storedFields, kind, problems }),
      values: true,
      handle: async ({ params }) => {
        const found = await files.read(params.name!);
        return {
          name: params.name!,
          kind: found.kind,
          text: found.text,
          revision: found.revision,
          encoding: found.encoding,
          modifiedAt: found.modifiedAt.toISOString(),
          problems: found.diagnostics.map(viewOfDiagnostic),
        };
      },
    }),
    route({
      method: "POST",
      path: "/configs/{name}/check",
      role: "admin",
      tag,
      summary: "Checks a text as the content of a config. Writes nothing.",
      body: textBody,
      maxBytes,
      response: record({ problems }),
      handle: async ({ params, body }) => {
        const { diagnostics } = await files.check(params.name!, body.text);
        return { problems: diagnostics.map(viewOfDiagnostic) };
      },
    }),
    route({
      method: "POST",
      path: "/configs/{name}/preview",
      role: "admin",
      tag,
      summary:
        "What a save of a text would do: changed lines, and of a device config changed devices. Writes nothing.",
      body: textBody,
      maxBytes,
      response: record({ problems, diff: diffField, changes: Type.Array(deviceChangeView) }),
      values: true,
      handle: async ({ params, body }) => {
        const { diagnostics, diff, changes } = await files.preview(params.name!, body.text);
        return {
          problems: diagnostics.map(viewOfDiagnostic),
          diff: diff?.map((hunk) => ({ ...hunk, lines: [...hunk.lines] })) ?? null,
          changes: changes.map((change) => ({ ...change })),
        };
      },
    }),
    route({
      method: "PUT",
      path: "/configs/{name}",
      role: "admin",
      tag,
      summary: `Writes a config, keeps what it contained beside it, and loads it. ${KEPT} keeps the secret on disk, while its server stays the same.`,
      body: saveBody,
      maxBytes,
      response: savedAnswer,
      handle: async (request) => {
        const { params, body } = request;
        const saved = await files.save(params.name!, body.text, body.basedOn);
        return await afterSave(parts, `config ${params.name}`, saved, request);
      },
    }),
    route({
      method: "POST",
      path: "/reload",
      role: "admin",
      tag,
      summary: "Loads configs and registries again.",
      body: record({
        preview: Type.Optional(Type.Boolean({ description: "Only report what a reload would do." })),
        confirm: Type.Optional(Type.Boolean({ description: "Remove more than half of the devices too." })),
      }),
      response: reloadReport,
      async handle({ body }) {
        if (!reloader)
          throw new Problem(503, "no_files", "the configs of this bridge are not loaded from files");
        return reportView(await reloader.reload(body));
      },
    }),
  ];
  return routes.map(withRefusals);
}
