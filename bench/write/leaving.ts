/** Preloaded into a process: prints when a shedLoad request leaves it, in ns of the machine's monotonic clock. */
import { subscribe } from "node:diagnostics_channel";

subscribe("undici:client:sendHeaders", (message) => {
  const { headers } = message as { headers: string };
  if (/\/shedLoad"?\r?\n/i.test(headers)) process.stderr.write(`LEFT ${process.hrtime.bigint()}\n`);
});
