import { api, apiPath } from "../../state/requests/api.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import type { KnownAttribute } from "./model/completion.ts";
import type { FileProblem } from "./model/problems.ts";
import type { Grid } from "./model/sheet.ts";

/** Registries have cells; configs are text only. */
export type FileKind = "registries" | "configs";

export interface FileName {
  readonly kind: FileKind;
  readonly name: string;
}

/** A file as it is on disk. */
export interface StoredFile {
  readonly text: string;
  readonly revision: string;
  readonly encoding: string;
  readonly modifiedAt: string;
  readonly problems: readonly FileProblem[];
  /** Null: text only. Absent for configs. */
  readonly grid?: Grid | null;
  /** Devices that use a registry. */
  readonly devices?: readonly { readonly device: string; readonly driver: string }[];
}

export interface DiffHunk {
  readonly oldStart: number;
  readonly newStart: number;
  /** Each after ` `, `-` or `+`. */
  readonly lines: readonly string[];
}

export interface DeviceChange {
  readonly kind: "added" | "removed" | "renamed" | "changed";
  readonly device: string;
  readonly text: string;
}

/** What a save would do. */
export interface Preview {
  readonly problems: readonly FileProblem[];
  /** Null: too much to be shown. */
  readonly diff: readonly DiffHunk[] | null;
  readonly points?: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  readonly changes: readonly DeviceChange[];
}

export interface ReloadReport {
  readonly result: "unchanged" | "applied" | "invalid" | "unconfirmed";
  readonly changes: readonly DeviceChange[];
  readonly settings: readonly string[];
  readonly afterRestart: readonly string[];
  readonly problems: readonly FileProblem[];
}

/** What a save did. */
export interface SavedFile {
  readonly revision: string;
  readonly changed: boolean;
  readonly backup: string | null;
  readonly reload: ReloadReport | null;
  readonly reloadError: string | null;
}

/** A point that was read once. */
export interface TriedPoint {
  readonly point: string;
  readonly value: unknown;
  readonly units: string;
  readonly sent: unknown;
  readonly call: string | null;
  readonly ageSeconds: number | null;
  readonly missing: string | null;
  readonly failure: string | null;
}

export interface Trial {
  readonly readAt: string;
  readonly problems: readonly FileProblem[];
  readonly points: readonly TriedPoint[];
}

const path = ({ kind, name }: FileName): string => `${kind}/${encodeURIComponent(name)}`;

export const loadFile = (file: FileName, signal?: AbortSignal): Promise<StoredFile> =>
  api.get(path(file), { signal });

/** Loads a file; undefined where there is none of this name. */
export async function fileOnDisk(file: FileName, signal?: AbortSignal): Promise<StoredFile | undefined> {
  try {
    return await loadFile(file, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export const checkFile = (
  file: FileName,
  text: string,
  cells: boolean,
  signal?: AbortSignal,
): Promise<Pick<StoredFile, "problems" | "grid">> =>
  api.post(`${path(file)}/check`, file.kind === "registries" ? { text, cells } : { text }, { signal });

export const previewFile = (file: FileName, text: string, signal?: AbortSignal): Promise<Preview> =>
  api.post(`${path(file)}/preview`, { text }, { signal });

export const tryRegistry = (name: string, text: string, device: string): Promise<Trial> =>
  api.post(apiPath`registries/${name}/try`, { text, device });

export const saveFile = (file: FileName, text: string, basedOn: string | null): Promise<SavedFile> =>
  api.put(path(file), { text, basedOn });

export interface ListedFile {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedAt: string;
}

export interface ListedRegistry extends ListedFile {
  readonly devices: number;
  readonly errors: number;
  readonly warnings: number;
}

export interface ListedConfig extends ListedFile {
  readonly kind: "bridge" | "device";
  readonly device: string | null;
}

export const listRegistries = (
  signal: AbortSignal,
): Promise<{ readonly folder: string; readonly registries: readonly ListedRegistry[] }> =>
  api.get("registries", { signal });

export const listConfigs = (signal: AbortSignal): Promise<{ readonly configs: readonly ListedConfig[] }> =>
  api.get("configs", { signal });

export const listAttributes = (): Promise<{
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly attributes: readonly KnownAttribute[];
}> => api.get("registries/attributes");

/** Address of a file's view; the folders of its name stay levels of the address. */
export function fileHref({ kind, name }: FileName): string {
  const levels = name.split("/").map(encodeURIComponent).join("/");
  return kind === "configs" ? `/registry/config/${levels}` : `/registry/${levels}`;
}
