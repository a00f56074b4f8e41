import type { Control, Controllers } from "../../devices/commands.ts";
import type { Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";
import { CommandReceiver } from "./commands.ts";
import { type RequestContext, Requesters, StallWatch } from "./incoming-request.ts";
import { LateAnswers, Replies } from "./replies.ts";
import { RpcReceiver } from "./rpc/rpc.ts";
import { ScheduleReceiver } from "./schedule.ts";

export interface CommandsOptions extends Omit<RequestContext, "requesters" | "arrivedAt"> {
  /** Reservations and overrides. Undefined: there are none, and no topics for them. */
  readonly control?: Control;
  /** Source of a requester's name. */
  readonly requester: "message" | "topic";
}

/**
 * Subscribes to commands, calls, reservations and controllers while the bridge is the active one of its instance name, has
 * the devices carry them out, and answers each. The returned function turns this on and off; off, it resolves when the
 * requests under way are answered.
 */
export function startCommands(
  options: CommandsOptions,
  undo: AsyncDisposableStack,
): (isActive: boolean) => Promise<void> {
  const { link, sender, topics, requester, bus, control, now } = options;
  const stallWatch = new StallWatch();
  stallWatch.start();
  undo.defer(() => stallWatch.stop());
  const context: RequestContext = {
    ...options,
    requesters: new Requesters(topics, requester),
    arrivedAt: () => new Date(now().getTime() - stallWatch.stalledMs),
  };
  const replies = new Replies(context);
  const lateAnswers = new LateAnswers(link, sender);
  lateAnswers.start();
  undo.defer(() => lateAnswers.stop());
  let running: ReturnType<typeof listen> | undefined;
  const setActive = async (isActive: boolean): Promise<void> => {
    if (isActive) {
      running ??= listen(context, replies, control);
      return;
    }
    const stopping = running;
    running = undefined;
    stopping?.deafen?.();
    stopping?.schedule?.stop();
    await Promise.all([stopping?.commands.stop(), stopping?.rpc?.stop()]);
  };
  undo.defer(
    bus.on("write", (write) => {
      if (write.replyTo !== undefined)
        lateAnswers.send(replies.late(write) ?? running?.rpc?.late(write) ?? []);
    }),
  );
  undo.defer(
    bus.on("membership", ({ device, change }) => {
      if (change === "added") running?.commands.addDevice(device.path);
    }),
  );
  undo.defer(() => setActive(false));
  return setActive;
}

function listen(context: RequestContext, replies: Replies, control: Control | undefined) {
  const { link, topics } = context;
  const commands = new CommandReceiver(context, replies);
  const schedule = control && new ScheduleReceiver(context, control.scheduling);
  const rpc = control && new RpcReceiver(context, control, replies);
  const deafen = control?.controllers && followControllers(link, topics, control.controllers);
  commands.start();
  schedule?.start();
  rpc?.start();
  return { commands, schedule, rpc, deafen };
}

/** Follows the states that controllers and their wills publish. The returned function ends it. */
function followControllers(link: Link, topics: Topics, controllers: Controllers): () => void {
  return link.subscribe({
    filters: [topics.controller("+")],
    onMessage({ topic, payload }) {
      const name = topic.split("/").at(-2)!;
      // Rejects names with an empty topic level.
      if (name !== "") controllers.heard(name, payload.toString());
    },
  });
}
