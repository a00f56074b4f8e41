import { workerData } from "node:worker_threads";
import { serveThread } from "../../storage/thread-calls.ts";
import type { Calls, Failure, ThreadSettings } from "./calls.ts";
import { SessionFile } from "./file.ts";

const { file, readonly } = workerData as ThreadSettings;
const connection = new SessionFile(file, readonly);
serveThread<Calls, Failure>(connection, (error) => {
  const { message, retry } = connection.failure(error);
  return { message, retry };
});
