import { workerData } from "node:worker_threads";
import { serveThread } from "../../thread-calls.ts";
import type { ReadRequest, Topic } from "../contract.ts";
import type { HistorianErrorKind } from "../errors.ts";
import type { Batch } from "./batch.ts";
import type { Durability } from "./database-file.ts";
import { historianError } from "./failure.ts";
import { Reader, type Rows } from "./reader.ts";
import { Writer } from "./writer.ts";

/** What a thread is started with. With a durability it writes, without one it reads. */
export interface ThreadSettings {
  readonly file: string;
  readonly durability?: Durability;
}

export interface Calls {
  open(none: undefined): void;
  write(batch: Batch): void;
  topics(names: readonly string[] | undefined): Topic[];
  read(request: ReadRequest): Rows;
  close(none: undefined): void;
}

export interface Failure {
  readonly kind: HistorianErrorKind;
  readonly message: string;
}

/** The thread's side: one connection, one call after the other. */
function serve({ file, durability }: ThreadSettings): void {
  const connection = durability ? new Writer(file, durability) : new Reader(file);
  serveThread<Calls, Failure>(connection, (error) => {
    const { kind, message } = historianError(error, file);
    return { kind, message };
  });
}

serve(workerData as ThreadSettings);
