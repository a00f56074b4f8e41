import { parentPort, workerData } from "node:worker_threads";
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

interface Call {
  readonly id: number;
  readonly name: keyof Calls;
  readonly argument: never;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly kind: HistorianErrorKind; readonly message: string };

/** The thread's side: one connection, one call after the other. */
function serve({ file, durability }: ThreadSettings, post: (reply: Reply) => void): (call: Call) => void {
  const connection: Partial<Calls> = durability ? new Writer(file, durability) : new Reader(file);
  return ({ id, name, argument }) => {
    try {
      post({ id, result: connection[name]?.(argument) });
    } catch (error) {
      const { kind, message } = historianError(error, file);
      post({ id, kind, message });
    }
  };
}

const port = parentPort;
if (port)
  port.on(
    "message",
    serve(workerData as ThreadSettings, (reply) => port.postMessage(reply)),
  );
