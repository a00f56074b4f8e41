import { type Command, Option } from "commander";
import type { PointValue } from "../../points/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { formatTable, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { absoluteTime } from "../terminal/time-argument.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

interface Answer {
  readonly result: string;
  readonly info: string;
  readonly data: Readonly<Record<string, Readonly<Record<string, readonly (readonly string[])[]>>>>;
}

/** An entry of the verb `get_schedules`. */
interface Task {
  readonly taskId: string;
  readonly requester: string;
  readonly priority: string;
  readonly state: string;
  readonly slots: readonly (readonly string[])[];
}

export function schedule(program: Command, terminal: Terminal): void {
  const parent = program
    .command("schedule")
    .description("Reserve devices for times, through the running bridge: VOLTTRON's scheduler.");
  bridgeOptions(
    parent
      .command("request")
      .description("Reserve one or more devices, all or nothing.")
      .argument("<task>", "name of the reservation")
      .argument(
        "<slot...>",
        "device, start and end, three words each: ISO 8601 (in the bridge's zone when it names none), now, 'now +1h' or -1h",
      )
      // A time such as -1h looks like an option.
      .allowUnknownOption()
      .addOption(
        new Option("--priority <priority>", "which reservations it preempts, and which preempt it")
          .choices(["HIGH", "LOW", "LOW_PREEMPT"])
          .default("LOW"),
      ),
  ).action(async (task: string, words: string[], flags: BridgeFlags & { priority: string }) => {
    const params = { task_id: task, priority: flags.priority, requests: slotsOf(words) };
    show(await call("request_new_schedule", params, flags, terminal), flags, terminal);
  });
  bridgeOptions(
    parent
      .command("cancel")
      .description("Cancel a reservation.")
      .argument("<task>", "name of the reservation"),
  ).action(async (task: string, flags: BridgeFlags) => {
    show(await call("request_cancel_schedule", { task_id: task }, flags, terminal), flags, terminal);
  });
  bridgeOptions(parent.command("list").description("List current and future reservations.")).action(
    (flags: BridgeFlags) => list(flags, terminal),
  );
}

function slotsOf(given: readonly string[]): string[][] {
  const words = given.map(absoluteTime);
  const option = words.find((word) => word.startsWith("-"));
  if (option !== undefined) throw new CommandError(`unknown option ${option}`, EXIT.usage);
  if (words.length % 3 !== 0)
    throw new CommandError(
      `${words.length} words do not make slots; expected <device> <start> <end> for each`,
      EXIT.usage,
    );
  return Array.from({ length: words.length / 3 }, (_, i) => words.slice(3 * i, 3 * i + 3));
}

/**
 * Prints the answer.
 * @throws CommandError for a refusal, after the conflicting slots are printed
 */
function show(value: PointValue, flags: BridgeFlags, terminal: Terminal): void {
  const answer = value as unknown as Answer;
  if (flags.json) printJson(terminal, answer);
  else terminal.out(`${answer.result}${answer.info && `: ${singleLine(answer.info)}`}\n`);
  if (answer.result === "SUCCESS") return;
  const rows = Object.entries(answer.data).flatMap(([requester, tasks]) =>
    Object.entries(tasks).flatMap(([task, slots]) => slots.map((slot) => [...slot, task, requester])),
  );
  if (!flags.json && rows.length > 0)
    terminal.out(formatTable(["device", "start", "end", "task", "requester"], rows));
  throw new CommandError("");
}

async function list(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const tasks = (await call("get_schedules", {}, flags, terminal)) as unknown as Task[];
  if (flags.json) return printJson(terminal, tasks);
  if (tasks.length === 0) return terminal.out("no reservations\n");
  const rows = tasks.flatMap(({ taskId, requester, priority, state, slots }) =>
    slots.map((slot) => [...slot, taskId, requester, priority, state]),
  );
  terminal.out(formatTable(["device", "start", "end", "task", "requester", "priority", "state"], rows));
}
