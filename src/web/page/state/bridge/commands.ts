import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { CommandView } from "../../../schemas.ts";
import { api, apiPath } from "../requests/api.ts";
import { ApiError } from "../requests/api-error.ts";
import { onLive } from "../requests/live.ts";

/** What is asked of a device; without a point, the revert of the whole device. */
export type CommandRequest =
  | {
      readonly action: "set";
      readonly device: string;
      readonly point: string;
      readonly value: unknown;
      readonly durationMinutes?: number | undefined;
    }
  | { readonly action: "revert"; readonly device: string; readonly point?: string };

/** A step of a command, at the time when this page learned of it. */
export interface CommandStep {
  readonly at: number;
  /** `sending`: on its way to the bridge. `lost`: the connection broke before the bridge answered. */
  readonly state: "sending" | "lost" | CommandView["status"];
  readonly view?: CommandView;
}

/** A command of this page and how far it got. */
export interface CommandProgress {
  readonly request: CommandRequest;
  readonly steps: readonly CommandStep[];
  /** The bridge did not take the request as a command: not logged in, an unknown point, … */
  readonly error?: unknown;
  /** Whether this is the last word on it. */
  readonly final: boolean;
}

/** Interval at which the bridge is asked where no live event says it, in milliseconds. */
const ASK = 4000;
/** Number of answers "there is no such command" after which the bridge did not receive it. */
const UNKNOWN = 2;

/**
 * Sends a command and follows it: through the answer, the live events of its id, and the bridge's list of commands where
 * both are lost. It is never sent twice.
 */
export function sendCommand(request: CommandRequest): ReadonlySignal<CommandProgress> {
  const id = newId();
  const progress = signal<CommandProgress>({
    request,
    steps: [{ at: Date.now(), state: "sending" }],
    final: false,
  });
  const take = (view: CommandView): void => {
    const { steps, final } = progress.peek();
    if (final || rankOf(view) <= rankOf(steps.findLast((step) => step.view)?.view)) return;
    const step = { at: Date.now(), state: view.status, view };
    progress.value = { request, steps: [...steps, step], final: view.final };
    if (view.final) end();
  };
  const fail = (error: unknown): void => {
    progress.value = { ...progress.peek(), error, final: true };
    end();
  };
  const end = onLive<CommandView>("write", (view) => {
    if (view.id === id) take(view);
  });
  void send(id, request).then(
    (view) => {
      take(view);
      if (!view.final) void follow(id, progress, take, fail);
    },
    (error: unknown) => {
      const command =
        error instanceof ApiError ? (error.problem.command as CommandView | undefined) : undefined;
      if (command) take({ ...command, final: true });
      else if (error instanceof ApiError && error.outcomeUnknown) {
        const { steps, final } = progress.peek();
        if (!final) progress.value = { request, steps: [...steps, { at: Date.now(), state: "lost" }], final };
        void follow(id, progress, take, fail);
      } else if (!progress.peek().final) fail(error);
    },
  );
  return progress;
}

function send(id: string, request: CommandRequest): Promise<CommandView> {
  const { action, device, point } = request;
  if (action === "set") {
    const { value, durationMinutes } = request;
    return api.post(apiPath`devices/${device}/points/${request.point}/set`, { value, durationMinutes, id });
  }
  return point === undefined
    ? api.post(apiPath`devices/${device}/revert`, { id })
    : api.post(apiPath`devices/${device}/points/${point}/revert`, { id });
}

/** Asks the bridge for the command until its outcome is known. */
async function follow(
  id: string,
  progress: ReadonlySignal<CommandProgress>,
  take: (view: CommandView) => void,
  fail: (error: unknown) => void,
): Promise<void> {
  for (let unknown = 0; !progress.peek().final; ) {
    await new Promise((resolve) => setTimeout(resolve, ASK));
    if (progress.peek().final) return;
    try {
      take(await api.get<CommandView>(apiPath`commands/${id}`));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) continue;
      if (++unknown >= UNKNOWN) fail(new ApiError(404, NOT_RECEIVED));
    }
  }
}

const NOT_RECEIVED = {
  type: "urn:voltbridge:problem:not_received",
  title: "Not received",
  detail:
    "the bridge has no command of this page's id: it did not receive it, or was started again since; the log of writes lists earlier ones",
};

/** A later step has a higher rank; events can overtake the answer. */
function rankOf(view: CommandView | undefined): number {
  if (!view) return 0;
  if (view.final) return 3;
  return view.status === "sent" ? 1 : 2;
}

/** `crypto.randomUUID` needs a secure context; behind a plain proxy there is none. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
