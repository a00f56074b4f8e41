import type { Bus } from "../../bus.ts";
import type { Log } from "../../log/log.ts";
import { jsonText } from "../command-checks.ts";

/** Logs the outcome of each attempted write from any interface. Returns the function that ends it. */
export function logWrites(bus: Bus, log: Log): () => void {
  const part = log.part("devices");
  return bus.on("write", (write) => {
    const { status, device, point, action, requested, readBack, error, text, code, tookMs } = write;
    if (status === undefined) return;
    const target = point === undefined ? device.path : `${device.path}/${point}`;
    const asked = action === "revert" ? "" : ` to ${jsonText(requested)}`;
    const why = [error, status === "confirmed" ? undefined : text].filter(Boolean).join(": ");
    const { requester, via, id, count } = write;
    const level = status === "confirmed" || status === "accepted" ? "info" : "warn";
    part[level](`${action} ${target}${asked}: ${status}${why === "" ? "" : `: ${why}`}`, {
      ...{ requester, via, id },
      ...(readBack !== undefined && { readBack: jsonText(readBack) }),
      ...(code !== undefined && { code }),
      ...(tookMs !== undefined && { tookMs }),
      ...(count !== undefined && { count }),
    });
  });
}
