import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { spoolFile } from "../../../historian/index.ts";
import { counted } from "../../terminal/table.ts";
import type { Finding, SiteCheck } from "./site.ts";

const MEGABYTE = 1024 * 1024;
const GIGABYTE = 1024 * MEGABYTE;
/** Free space below which a disk counts as full, in bytes. */
const FULL_BYTES = 50 * MEGABYTE;
/** Size of the file that is written as a test, in bytes: more than a file system puts beside its name. */
const PROBE_BYTES = 64 * 1024;
const OTHERS = 0o077;

/** Whether the data folder can be written, and by whom its files can be read. */
export const permissions: SiteCheck = async ({ settings: { data } }) => {
  const check = "permissions";
  const setting = 'or set another folder ("data" in the bridge config)';
  const stat = statSync(data, { throwIfNoEntry: false });
  if (!stat) {
    const above = existingAbove(data);
    const fault = statSync(above).isDirectory() ? accessFault(above) : "is not a folder";
    return fault
      ? [
          failed(
            check,
            `data folder ${data} cannot be created: ${above} ${fault}`,
            `correct that, ${setting}`,
          ),
        ]
      : [{ check, outcome: "ok", text: `data folder ${data} does not exist yet; the bridge creates it` }];
  }
  if (!stat.isDirectory())
    return [failed(check, `data folder ${data} is not a folder`, `remove the file, ${setting}`)];
  const fault = writeFault(data);
  if (fault)
    return [
      failed(
        check,
        `data folder ${data} cannot be written to (${fault})`,
        REMEDIES[fault] ?? `make it writable, ${setting}`,
      ),
    ];
  const found = sep === "\\" ? [] : ownership(data, stat.uid);
  return found.length > 0
    ? found
    : [{ check, outcome: "ok", text: `data folder ${data} can be written, and only by its owner` }];
};

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room",
  EDQUOT: "the user's quota is used up: raise it, or make room",
  EROFS: "the file system is read-only: mount it for writing (after a fault, check it first)",
};

function failed(check: string, text: string, remedy: string): Finding {
  return { check, outcome: "failed", text, remedy };
}

function existingAbove(path: string): string {
  return existsSync(path) ? path : existingAbove(dirname(path));
}

function accessFault(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `may not be written to (${(error as NodeJS.ErrnoException).code})`;
  }
}

/** Writes a file and removes it. Returns the code of the failure. */
function writeFault(folder: string): string | undefined {
  const file = join(folder, `doctor-${process.pid}.tmp`);
  try {
    const descriptor = openSync(file, "wx", 0o600);
    try {
      if (writeSync(descriptor, Buffer.alloc(PROBE_BYTES, 1)) < PROBE_BYTES) return "ENOSPC";
    } finally {
      closeSync(descriptor);
      rmSync(file, { force: true });
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Finds files that belong to another user than the folder, as a command run as root leaves them, and those that others can read. */
function ownership(folder: string, owner: number): Finding[] {
  const check = "permissions";
  const found: Finding[] = [];
  const files = readdirSync(folder).flatMap((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat?.isFile() ? [{ name, stat }] : [];
  });
  const foreign = files.filter(({ stat }) => stat.uid !== owner);
  if (foreign.length > 0)
    found.push(
      failed(
        check,
        `${namesOf(foreign)} in ${folder} belong to another user than the folder (user id ${owner}), so a bridge of that user cannot write them`,
        `chown them to the folder's user; run commands as that user`,
      ),
    );
  const open = files.filter(({ stat }) => (stat.mode & OTHERS) !== 0);
  if (open.length > 0)
    found.push({
      ...{ check, outcome: "warning" },
      text: `other users may read or change ${namesOf(open)} in ${folder}`,
      remedy: `chmod 600 them`,
    });
  const own = process.getuid?.();
  if (own !== undefined && own !== 0 && own !== owner)
    found.push({
      ...{ check, outcome: "warning" },
      text: `data folder ${folder} belongs to user id ${owner}, and this command runs as ${own}`,
      remedy: "run voltbridge doctor as the user of the bridge: its rights are what counts",
    });
  return found;
}

function namesOf(files: readonly { readonly name: string }[]): string {
  const names = files.slice(0, 3).map(({ name }) => name);
  return `${names.join(", ")}${files.length > names.length ? ` and ${counted(files.length - names.length, "more file")}` : ""}`;
}

/** Whether the disk has room for what the limits of the config allow. */
export const disk: SiteCheck = async ({ settings }) => {
  const check = "disk";
  const { data, mqtt, historian } = settings;
  const place = existingAbove(data);
  const { bavail, bsize, ffree, files } = statfsSync(place);
  const free = bavail * bsize;
  const text = `${size(free)} free for ${data}`;
  if (free < FULL_BYTES || (files > 0 && ffree === 0))
    return [
      failed(
        check,
        free < FULL_BYTES ? text : `no more files can be created on the disk of ${data}`,
        "make room on the disk: values that wait, limits in force and history are kept there",
      ),
    ];
  const limits = [
    ["mqtt.outbox_limit_mb", mqtt.outboxLimitMb * MEGABYTE, "outbox.sqlite"],
    ["historian.backup_storage_limit_gb", gigabytes(historian.backupStorageLimitGb), spoolFile()],
    ...historian.also.map(
      ({ name, backend, backupStorageLimitGb }) =>
        [
          "historian.also.backup_storage_limit_gb",
          gigabytes(backupStorageLimitGb),
          spoolFile(name ?? backend),
        ] as const,
    ),
    ...(historian.backend === "sqlite"
      ? ([["historian.storage_limit_gb", gigabytes(historian.storageLimitGb), "historian.sqlite"]] as const)
      : []),
  ] as const;
  const bounded = limits.filter(([, limit]) => limit !== undefined);
  const needed = bounded.reduce(
    (sum, [, limit, file]) => sum + Math.max(0, limit! - bytesOf(join(data, file))),
    0,
  );
  if (needed > free)
    return [
      {
        ...{ check, outcome: "warning" },
        text: `${text}, and the limits allow ${size(needed)} more`,
        remedy: `make room, or lower ${bounded.map(([name]) => name).join(", ")}`,
      },
    ];
  return [{ check, outcome: "ok", text: `${text}; the limits allow ${size(needed)} more` }];
};

function gigabytes(number: number | null | undefined): number | undefined {
  return number == null ? undefined : number * GIGABYTE;
}

function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function size(bytes: number): string {
  return bytes < GIGABYTE ? `${Math.round(bytes / MEGABYTE)} MB` : `${(bytes / GIGABYTE).toFixed(1)} GB`;
}
