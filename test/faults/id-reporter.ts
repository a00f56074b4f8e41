import type { Reporter, TestCase, TestModule } from "vitest/node";
import { IDS } from "./ids.ts";

interface Entry {
  passed: number;
  failed: number;
  skipped: number;
  ms: number;
  readonly notes: string[];
}

/** Prints which behaviours of the list are proved: every id with the tests that carry it. An id without a test that passed is a failure. */
export default class IdReporter implements Reporter {
  #begun = 0;

  onTestRunStart(): void {
    this.#begun = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const entries = new Map<string, Entry>(
      IDS.map((id) => [id, { passed: 0, failed: 0, skipped: 0, ms: 0, notes: [] }]),
    );
    for (const module of modules)
      for (const test of module.children.allTests())
        for (const id of idsOf(test.fullName)) count(test, entries.get(id));
    const lines = [...entries].map(([id, entry]) => lineOf(id, entry));
    const failed = [...entries.values()].filter((entry) => verdict(entry) !== "passed").length;
    const took = ((performance.now() - this.#begun) / 60_000).toFixed(1);
    lines.push(`${IDS.length - failed} of ${IDS.length} behaviours passed, in ${took} minutes`);
    process.stdout.write(`\n${lines.join("\n")}\n`);
    if (failed > 0) process.exitCode = 1;
  }
}

/** The ids that stand in a test's name, before a comma or a colon. */
function idsOf(name: string): Set<string> {
  return new Set([...name.matchAll(/\b([AB]\d{1,2})(?=[,:])/g)].map((match) => match[1]!));
}

function count(test: TestCase, entry: Entry | undefined): void {
  if (!entry) return;
  const { state } = test.result();
  if (state === "passed") entry.passed++;
  else if (state === "failed") entry.failed++;
  else entry.skipped++;
  entry.ms += test.diagnostic()?.duration ?? 0;
  for (const { message } of test.annotations()) if (!entry.notes.includes(message)) entry.notes.push(message);
}

function verdict({ passed, failed }: Entry): "passed" | "FAILED" | "MISSING" {
  if (failed > 0) return "FAILED";
  return passed > 0 ? "passed" : "MISSING";
}

function lineOf(id: string, entry: Entry): string {
  const { passed, failed, skipped, ms, notes } = entry;
  const counts = [
    `${passed} passed`,
    ...(failed ? [`${failed} failed`] : []),
    ...(skipped ? [`${skipped} skipped`] : []),
  ];
  const head = `${id.padEnd(4)} ${verdict(entry)}  ${(ms / 1000).toFixed(1).padStart(7)} s  ${counts.join(", ")}`;
  return [head, ...notes.map((note) => `       ${note}`)].join("\n");
}
