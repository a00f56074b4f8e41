import type { Rows, Statement } from "../database.ts";
import type { SqlValue } from "../tables.ts";

export interface ThreadSettings {
  readonly file: string;
  readonly readonly: boolean;
}

export interface Calls {
  open(none: undefined): void;
  write(statements: readonly Statement[]): Rows[];
  read(query: { readonly sql: string; readonly values: readonly SqlValue[] }): Rows;
  close(none: undefined): void;
}

export interface Failure {
  readonly message: string;
  readonly retry: boolean;
}
