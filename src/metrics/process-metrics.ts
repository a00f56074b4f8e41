import { readdirSync, readFileSync } from "node:fs";
import { type Families, single } from "./families.ts";

/**
 * Creates the metrics of the process, under the usual names of Prometheus' clients. Those of the library keep observers that
 * nothing ends, for each bridge of a process. Returns a function that updates them.
 */
export function processMetrics(families: Families): () => void {
  const cpu = families.counter("process_cpu_seconds_total", "CPU time of the process, user and system.");
  const startedAt = families.gauge("process_start_time_seconds", "When the process started.");
  const resident = families.gauge("process_resident_memory_bytes", "Resident memory of the process.");
  const files = families.gauge("process_open_fds", "Number of open file descriptors; Linux only.");
  const mostFiles = families.gauge("process_max_fds", "Maximum number of open file descriptors; Linux only.");
  const heapUsed = families.gauge("nodejs_heap_size_used_bytes", "Used part of the JavaScript heap.");
  const heapTotal = families.gauge("nodejs_heap_size_total_bytes", "Size of the JavaScript heap.");
  const external = families.gauge("nodejs_external_memory_bytes", "Memory of buffers outside of the heap.");
  const start = Date.now() / 1000 - process.uptime();
  const most = maxFiles();
  return () => {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    const open = openFiles();
    cpu.set(single((user + system) / 1e6));
    startedAt.set(single(start));
    resident.set(single(memory.rss));
    files.set(open === undefined ? [] : single(open));
    mostFiles.set(most === undefined ? [] : single(most));
    heapUsed.set(single(memory.heapUsed));
    heapTotal.set(single(memory.heapTotal));
    external.set(single(memory.external));
  };
}

/** Undefined where the system has no /proc. */
function openFiles(): number | undefined {
  try {
    // Without the one that reads the folder.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

function maxFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
