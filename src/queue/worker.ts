import { workerData } from "node:worker_threads";
import { serveThread } from "../storage/thread-calls.ts";
import { queueError } from "./failure.ts";
import type { Calls, Failure, QueueSettings, ThreadEvent } from "./messages.ts";
import { QueueThread } from "./queue-thread.ts";

const settings = workerData as QueueSettings;
const thread = new QueueThread(settings, (event) => tell(event));
const tell = serveThread<Calls, Failure, ThreadEvent>(thread, (error) => {
  const { kind, message } = queueError(error, settings.file);
  return { kind, message };
});
setInterval(() => thread.tick(), settings.tickMs).unref();
