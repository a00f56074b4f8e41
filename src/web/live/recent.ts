import type { Bus, Notice } from "../../bus.ts";
import type { CommandResult } from "../../devices/commands.ts";
import type { Write } from "../../points/index.ts";
import type { CommandView, NoticeView } from "../schemas.ts";

/** Maximum numbers kept of each; the oldest are forgotten. */
const MOST_COMMANDS = 2000;
const MOST_NOTICES = 1000;

/** What happened since the start of the bridge: the last commands of every interface, and what it reported. */
export class Recent {
  readonly #commands = new Map<string, CommandView>();
  readonly #notices: NoticeView[] = [];
  readonly #unsubscribe: (() => void)[];

  constructor(bus: Bus) {
    this.#unsubscribe = [
      bus.on("write", (write) => this.#note(commandOf(write))),
      bus.on("notice", (notice) => {
        this.#notices.push(noticeOf(notice));
        if (this.#notices.length > MOST_NOTICES) this.#notices.shift();
      }),
    ];
  }

  /** Returns the state of a command; undefined for one that is unknown or long over. */
  command(id: string): CommandView | undefined {
    return this.#commands.get(id);
  }

  /** Returns the newest first. */
  commands(): CommandView[] {
    return [...this.#commands.values()].reverse();
  }

  /** Returns the newest first. */
  notices(): NoticeView[] {
    return this.#notices.toReversed();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #note(command: CommandView): void {
    // The newest last.
    this.#commands.delete(command.id);
    this.#commands.set(command.id, command);
    if (this.#commands.size <= MOST_COMMANDS) return;
    const [oldest] = this.#commands.keys();
    this.#commands.delete(oldest!);
  }
}

/** Returns a notice as the interface shows it. */
export function noticeOf({ at, severity, kind, text, device, outage }: Notice): NoticeView {
  return { at: at.toISOString(), severity, kind, text, device: device ?? null, outage: outage ?? null };
}

/** Returns a write as the interface shows it. */
export function commandOf(write: Write): CommandView {
  const { id, device, point = null, action, requested, requester, via, status = "sent", at } = write;
  return {
    ...{ id, device: device.path, point, action, requested, requester, via, status },
    final: status !== "sent",
    at: at.toISOString(),
    ...outcomeOf(write),
  };
}

/** Returns the result of a command of this interface as it shows it. */
export function resultOf(
  result: CommandResult,
  { action, requester, at, final }: Pick<CommandView, "action" | "requester" | "at" | "final">,
): CommandView {
  const { id, device, point = null, requested, status } = result;
  return {
    id,
    device,
    point,
    action,
    requested,
    requester,
    via: "web",
    status,
    final,
    at,
    ...outcomeOf(result),
  };
}

function outcomeOf({
  readBack,
  code,
  text,
  error,
  tookMs,
}: Pick<Partial<CommandResult>, "readBack" | "code" | "text" | "error" | "tookMs">) {
  return {
    ...(readBack !== undefined && { readBack }),
    code: code ?? null,
    text: text ?? null,
    error: error ?? null,
    tookMs: tookMs ?? null,
  };
}
