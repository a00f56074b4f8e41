import { Connection, type Durability, identityOf, makeFile } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";
import { HISTORY_FORM } from "./schema.ts";

/** A connection to the history file, opened when needed and reopened when the file was replaced or removed. */
export class DatabaseFile {
  readonly #file: string;
  readonly #open: (file: string) => Connection;
  #connection: Connection | undefined;
  #identity = "";

  constructor(file: string, open: (file: string) => Connection) {
    this.#file = file;
    this.#open = open;
  }

  /** Returns the open database. A different object than before means a different file. */
  get(): Connection {
    if (this.#connection && this.#identity === identityOf(this.#file)) return this.#connection;
    this.close();
    this.#connection = this.#open(this.#file);
    this.#identity = identityOf(this.#file);
    return this.#connection;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/** Opens a file for writing: creates folder and file (readable by the owner only) and migrates the schema. */
export function openForWriting(file: string, durability: Durability): Connection {
  makeFile(file);
  return Connection.open(file, { durability, form: HISTORY_FORM });
}

/** Opens a file for reading without creating or changing anything. `isEmpty` returns whether it has no history. */
export function openForReading(
  file: string,
  isEmpty = (connection: Connection) => connection.version(HISTORY_FORM) === 0,
): Connection {
  const none = () =>
    new HistorianError("retry", `there is no history at ${file} yet; start voltbridge run, which creates it`);
  if (identityOf(file) === "") throw none();
  return Connection.open(file, { readOnly: true }, (connection) => {
    if (isEmpty(connection)) throw none();
  });
}
