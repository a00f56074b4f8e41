import type { Command } from "commander";
import { DataFolderInUseError, DataLock } from "../../devices/index.ts";
import { type Historian, HistorianError, type StoredFile } from "../../historian/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type StoreFlags, storeOptions, withHistorian } from "./history-store.ts";
