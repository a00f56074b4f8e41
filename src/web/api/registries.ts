import { type Static, Type } from "typebox";
import type { Diagnostic } from "../../config/index.ts";
import type { ScrapedOnce } from "../../devices/index.ts";
import { POINT_TYPES } from "../../points/index.ts";
import { HEADERS, type RegistryGrid } from "../../registry/index.ts";
import { presentSettings } from "../files/present-settings.ts";
import { listAttributes, MAX_WEB_BYTES, RegistryFiles } from "../files/registry-files.ts";
import type { WebParts } from "../parts.ts";
import { deviceChangeView, diagnosticView, nullable, record, time, value, words } from "../schemas.ts";
import { type Route, route } from "../server/route.ts";
import {
  afterSave,
  diffField,
  saveBody,
  savedAnswer,
  storedFields,
  text,
  textBody,
  viewOfDiagnostic,
  withRefusals,
} from "./files.ts";

const tag = "registries";
/** A text as JSON: most characters are one byte, quotes and line ends two. */
const maxBytes = 2 * MAX_WEB_BYTES;

const grid = nullable(
  record({
    delimiter: Type.String(),
    headerLine: Type.Integer({ description: "Line of the column names, from 1." }),
    columns: Type.Array(
      record({
        name: Type.String({ description: "As written." }),
        header: nullable(Type.String({ description: "The known column that it is, in its usual spelling." })),
      }),
    ),
    rows: Type.Array(
      record({
        line: Type.Integer({ description: "First line of the row, from 1." }),
        lines: Type.Integer({ description: "Number of lines that it spans." }),
        cells: Type.Array(Type.String()),
      }),
    ),
  }),
  { description: "The cells; null: the file can be edited as text only." },
);

/** A problem, with its place in the grid. */
const registryProblem = record({
  ...diagnosticView.properties,
  row: nullable(Type.Integer({ description: "Index of its row in the grid; -1: the column names." })),
  cellColumn: nullable(Type.Integer({ description: "Index of its column in the grid." })),
});

const checked = { problems: Type.Array(registryProblem), grid };

/** Registries: read, checked, tried on a station and written. */
export function registryRoutes(parts: WebParts): Route[] {
  const { devices } = parts;
  const files = new RegistryFiles({ settings: presentSettings(parts.settings), devices });
  const routes = [
    route({
      method: "GET",
      path: "/registries",
      role: "admin",
      tag,
      summary: "The registries of the bridge's folder.",
      response: record({
        folder: Type.String(),
        registries: Type.Array(
          record({
            name: Type.String({ description: "Path in the folder." }),
            bytes: Type.Integer(),
            modifiedAt: time("When it was changed last."),
            devices: Type.Integer({ description: "Number of devices that use it." }),
            errors: Type.Integer(),
            warnings: Type.Integer(),
          }),
        ),
      }),
      values: true,
      handle: async () => ({
        folder: files.folder,
        registries: (await files.list()).map(({ modifiedAt, ...one }) => ({
          ...one,
          modifiedAt: modifiedAt.toISOString(),
        })),
      }),
    }),
    route({
      method: "GET",
      path: "/registries/attributes",
      role: "admin",
      tag,
      summary: "What the rows of a registry can name, of every driver type.",
      response: record({
        columns: Type.Array(Type.String(), { description: "The known columns, in their usual order." }),
        types: Type.Array(Type.String(), { description: "Words of the column `Type`." }),
        attributes: Type.Array(
          record({
            driver: Type.String(),
            register: Type.String({ description: "`Register Name`" }),
            attribute: Type.String({ description: "`Attribute Name`" }),
            level: words(["station", "port", "either"], {
              description: "Whether the row has no `Port #`, needs one, or may have one.",
            }),
            type: nullable(Type.String({ description: "Null: any." })),
            unit: nullable(Type.String()),
            meaning: Type.String(),
            writable: Type.Boolean(),
            nameplate: Type.Boolean({ description: "Whether it is stored on change by default." }),
            call: nullable(Type.String({ description: "Call that reads it." })),
            cost: nullable(Type.String({ description: "How often it is made." })),
          }),
        ),
      }),
      values: true,
      handle: () => ({ columns: [...HEADERS], types: [...POINT_TYPES], attributes: attributes() }),
    }),
    route({
      method: "GET",
      path: "/registries/{name}",
      role: "admin",
      tag,
      summary: "A registry: its text, its cells, its problems, and the devices that use it.",
      response: record({
        ...storedFields,
        ...checked,
        devices: Type.Array(record({ device: Type.String(), driver: Type.String(), config: Type.String() })),
      }),
      values: true,
      handle: async ({ params }) => {
        const found = await files.read(params.name!);
        return {
          name: params.name!,
          text: found.text,
          revision: found.revision,
          encoding: found.encoding,
          modifiedAt: found.modifiedAt.toISOString(),
          ...viewOfChecked(found.diagnostics, found.grid),
          devices: found.uses.map(({ device, driverType, file }) => ({
            device,
            driver: driverType,
            config: file,
          })),
        };
      },
    }),
    route({
      method: "POST",
      path: "/registries/{name}/check",
      role: "admin",
      tag,
      summary: "Checks a text as the content of a registry. Writes nothing.",
      body: record({
        text,
        cells: Type.Optional(
          Type.Boolean({
            description: "`false` leaves the grid out of the answer; problems keep their place in it.",
          }),
        ),
      }),
      maxBytes,
      response: record(checked),
      values: true,
      handle: async ({ params, body }) => {
        const found = await files.check(params.name!, body.text);
        const view = viewOfChecked(found.diagnostics, found.grid);
        return body.cells === false ? { ...view, grid: null } : view;
      },
    }),
    route({
      method: "POST",
      path: "/registries/{name}/preview",
      role: "admin",
      tag,
      summary: "What a save of a text would do: changed lines, points and devices. Writes nothing.",
      body: textBody,
      maxBytes,
      response: record({
        problems: Type.Array(registryProblem),
        diff: diffField,
        points: record({
          added: Type.Array(Type.String()),
          removed: Type.Array(Type.String()),
          changed: Type.Array(Type.String()),
        }),
        changes: Type.Array(deviceChangeView),
      }),
      values: true,
      handle: async ({ params, body }) => {
        const { diagnostics, diff, points, changes } = await files.preview(params.name!, body.text);
        return {
          problems: diagnostics.map((one) => viewInGrid(one, undefined)),
          diff: diff?.map((hunk) => ({ ...hunk, lines: [...hunk.lines] })) ?? null,
          points,
          changes: changes.map((change) => ({ ...change })),
        };
      },
    }),
    route({
      method: "POST",
      path: "/registries/{name}/try",
      role: "admin",
      tag,
      summary:
        "Reads a station once with the rows of a text, by calls of its account. The running device notices nothing.",
      body: record({ text, device: Type.String({ description: "Topic path of the device." }) }),
      maxBytes,
      response: record({
        device: Type.String(),
        readAt: time("When it was read."),
        problems: Type.Array(registryProblem),
        points: Type.Array(
          record({
            point: Type.String(),
            value,
            units: Type.String(),
            type: Type.String(),
            writable: Type.Boolean(),
            sent: Type.Unknown({ description: "What the service sent; null: nothing, or not known." }),
            call: nullable(Type.String({ description: "Call that brought it." })),
            ageSeconds: nullable(Type.Number()),
            missing: nullable(Type.String({ description: "Why there is no value." })),
            failure: nullable(Type.String({ description: "Why it could not be read." })),
          }),
        ),
      }),
      values: true,
      handle: async ({ params, body, signal }) => {
        const tried = await files.try(params.name!, body.text, body.device, signal);
        return viewOfTrial(tried, [...tried.problems, ...tried.diagnostics]);
      },
    }),
    route({
      method: "PUT",
      path: "/registries/{name}",
      role: "admin",
      tag,
      summary: "Writes a registry, keeps what it contained beside it, and loads it.",
      body: saveBody,
      maxBytes,
      response: savedAnswer,
      handle: async (request) => {
        const { params, body } = request;
        const saved = await files.save(params.name!, body.text, body.basedOn);
        return await afterSave(parts, `registry ${params.name}`, saved, request);
      },
    }),
  ];
  return routes.map(withRefusals);
}

function attributes() {
  return listAttributes().map(({ call, type = null, unit = null, nameplate = false, ...rest }) => ({
    ...rest,
    nameplate,
    type,
    unit,
    call: call?.operation ?? null,
    cost: call?.cost ?? null,
  }));
}

function viewOfChecked(diagnostics: readonly Diagnostic[], found: RegistryGrid | undefined) {
  return {
    problems: diagnostics.map((one) => viewInGrid(one, found)),
    grid: found
      ? {
          delimiter: found.delimiter,
          headerLine: found.headerLine,
          columns: found.columns.map(({ name, header = null }) => ({ name, header })),
          rows: found.rows.map(({ line, lines, cells }) => ({ line, lines, cells: [...cells] })),
        }
      : null,
  };
}

/** Returns a problem with its place in the grid. */
function viewInGrid(diagnostic: Diagnostic, found: RegistryGrid | undefined): Static<typeof registryProblem> {
  const { line, cell } = diagnostic;
  const index = found ? rowAt(found.rows, line) : -1;
  const isHeader = found?.headerLine === line;
  const letters = /^[A-Z]+/.exec(cell ?? "")?.[0];
  return {
    ...viewOfDiagnostic(diagnostic),
    row: index === -1 && !isHeader ? null : index,
    cellColumn: letters === undefined ? null : columnIndex(letters),
  };
}

/** Returns the index of the row that a line belongs to, or -1. There can be as many problems as rows. */
function rowAt(rows: RegistryGrid["rows"], line: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.line <= line) low = middle + 1;
    else high = middle;
  }
  const row = rows[low - 1];
  return row !== undefined && line < row.line + row.lines ? low - 1 : -1;
}

/** A is 0, Z 25, AA 26. */
function columnIndex(letters: string): number {
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function viewOfTrial({ scrape, sources }: ScrapedOnce, problems: readonly Diagnostic[]) {
  const { device, takenAt, values, failures } = scrape;
  return {
    device: device.path,
    readAt: takenAt.toISOString(),
    problems: problems.map((one) => viewInGrid(one, undefined)),
    points: [...device.points.values()].map(({ name, units, type, writable }) => {
      const { sent = null, call = null, ageSeconds = null, missing = null } = sources.get(name) ?? {};
      const failure = failures.get(name) ?? null;
      return {
        ...{ point: name, value: values.get(name) ?? null, units, type, writable },
        ...{ sent, call, ageSeconds, missing, failure },
      };
    }),
  };
}
