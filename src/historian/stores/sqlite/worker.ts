import { workerData } from "node:worker_threads";
import type { Durability } from "../../../storage/sqlite.ts";
import { sqliteFailure } from "../../../storage/sqlite-failure.ts";
import { serveThread } from "../../../storage/thread-calls.ts";
import type {
  AggregateRequest,
  ReadRequest,
  RollupRequest,
  StoredAggregate,
  ThinRequest,
  Topic,
} from "../../contract.ts";
import { HistorianError, type HistorianErrorKind } from "../../errors.ts";
import { volttronLayout } from "../volttron-sqlite/layout.ts";
import { VolttronReader } from "../volttron-sqlite/reader.ts";
import type { VolttronTables } from "../volttron-sqlite/tables.ts";
import type { Batch } from "./batch.ts";
import type { DayRow } from "./days/catalogue.ts";
import type { UnreadableDay } from "./days/day-files.ts";
import type { EncodedHours } from "./days/hours.ts";
import { DayKeeper, type KeeperRequest } from "./days/keeper.ts";
import { ownLayout } from "./layout.ts";
import { Reader, type ThinnedRows } from "./reader.ts";
import type { Rows } from "./rows.ts";
import { type Removal, Writer } from "./writer.ts";

/** What a thread does: write samples, move days into files, or read. */
export type ThreadRole = "write" | "keep" | "read";

/** Start parameters of a thread. */
export interface ThreadSettings {
  readonly role: ThreadRole;
  readonly file: string;
  readonly durability: Durability;
  /** Folder of the files of closed days. */
  readonly folder: string;
  /** Tables of a VOLTTRON file; absent for our own format. */
  readonly volttron?: VolttronTables;
}

export interface Calls {
  open(none: undefined): void;
  write(batch: Batch): void;
  remove(removal: Removal): number;
  topics(names: readonly string[] | undefined): Topic[];
  read(request: ReadRequest): Rows;
  thin(request: ThinRequest): ThinnedRows;
  rollups(request: RollupRequest): readonly EncodedHours[];
  work(request: KeeperRequest): boolean;
  days(none: undefined): DayRow[];
  check(path: string): string | undefined;
  checkRecent(none: undefined): string | undefined;
  others(none: undefined): string[];
  aggregates(none: undefined): StoredAggregate[];
  readAggregate(request: AggregateRequest): Rows | undefined;
  oldest(from: number | undefined): number | undefined;
  size(none: undefined): number;
  close(none: undefined): void;
}

/** `removed`: the file was removed while in use, and a new one was created. `unreadable`: the file of a day, which is left out. */
export type ThreadEvent =
  | { readonly kind: "removed" }
  | { readonly kind: "unreadable"; readonly day: UnreadableDay };

/** Interval of the check whether the file was removed, in milliseconds. */
const CHECK_MS = 1000;

export interface Failure {
  readonly kind: HistorianErrorKind;
  readonly message: string;
}

/** SQLite's primary result codes for which a retry is useless, with the remedy. */
const GIVE_UP: Readonly<Record<number, string>> = {
  11: "the file is damaged; move it away (a new one is created) and try sqlite3's .recover on it",
  26: "it is not a SQLite file; set historian.connection.path to another file",
};

/** Serves the thread's calls one after the other on one connection. */
function serve(settings: ThreadSettings): void {
  const emit = serveThread<Calls, Failure, ThreadEvent>(
    roles[settings.role](settings, (event) => emit(event)),
    (error) => {
      const { kind, message } = historianError(error, settings.file);
      return { kind, message };
    },
  );
}

type Emit = (event: ThreadEvent) => void;

const roles: Record<ThreadRole, (settings: ThreadSettings, emit: Emit) => Partial<Calls>> = {
  write({ file, durability, volttron }, emit) {
    const onRemoved = () => emit({ kind: "removed" });
    const made = volttron
      ? new Writer(file, volttronLayout(volttron, durability), onRemoved)
      : new Writer(file, ownLayout(durability), onRemoved);
    setInterval(() => made.checkFile(), CHECK_MS).unref();
    return made;
  },
  keep: ({ file, folder, durability }) => new DayKeeper(file, folder, durability),
  read: ({ file, folder, volttron }, emit) =>
    volttron
      ? new VolttronReader(file, volttron)
      : new Reader(file, folder, (day) => emit({ kind: "unreadable", day })),
};

/** Converts an error of SQLite by its result code. Returns a HistorianError unchanged. */
function historianError(error: unknown, file: string): HistorianError {
  if (error instanceof HistorianError) return error;
  const { code, why } = sqliteFailure(error, GIVE_UP);
  const kind = code in GIVE_UP ? "give_up" : "retry";
  return new HistorianError(kind, `history file ${file}: ${why}`, { cause: error });
}

serve(workerData as ThreadSettings);
