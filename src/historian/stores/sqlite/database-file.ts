import { Connection, type Durability, identityOf, makeFile } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";
import { HISTORY_FORM } from "./schema.ts";

/** One connection to the history file; opened when needed, and again when the file was replaced or removed. */
export class DatabaseFile {
  readonly #file: string;
  readonly #open: (file: string) => Connection;
  #connection: Connection | undefined;
  #identity = "";

  constructor(file: string, open: (file: string) => Connection) {
    this.#file = file;
    this.#open = open;
  }

  /** The open database. A different object than last time means that it is a different file. */
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

/** Opens for writing: makes folder and file (readable by the owner only) and brings the schema up to date. */
export function openForWriting(file: string, durability: Durability): Connection {
  makeFile(file);
  return Connection.open(file, { durability, form: HISTORY_FORM });
}

/** Opens the file for reading, without creating or changing anything. `isEmpty` checks whether it has no history. */
export function openForReading(
  file: string,
  isEmpty = (connection: Connection) => connection.version(HISTORY_FORM) === 0,
): Connection {
  const none = () =>
    new HistorianError("retry", `there is no history at ${file} yet; voltbridge run makes it`);
  if (identityOf(file) === "") throw none();
  return Connection.open(file, { readOnly: true }, (connection) => {
    if (isEmpty(connection)) throw none();
  });
}
