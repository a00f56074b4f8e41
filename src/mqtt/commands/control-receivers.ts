import type { Control, Controllers } from "../../devices/commands.ts";
import type { Write } from "../../points/index.ts";
import type { Link, Message } from "../broker/link.ts";
import type { Topics } from "../topics.ts";
import { CommandReceiver, type CommandReceiverOptions } from "./commands.ts";
import { RpcReceiver, type RpcReceiverOptions } from "./rpc.ts";
import { ScheduleReceiver, type ScheduleReceiverOptions } from "./schedule.ts";

type Options = CommandReceiverOptions &
  Omit<RpcReceiverOptions, "control"> &
  Omit<ScheduleReceiverOptions, "scheduling"> & { readonly control: Control | undefined };

/** What listens for commands, calls, reservations and controllers: while the bridge is in charge of its instance name. */
export class ControlReceivers {
  readonly #options: Options;
  #running: ReturnType<typeof start> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= start(this.#options);
  }

  /** Takes nothing more, and waits until what is under way is answered. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.deaf?.();
    running?.schedule?.stop();
    await Promise.all([running?.commands.stop(), running?.rpc?.stop()]);
  }

  /** A device came. */
  added(path: string): void {
    this.#running?.commands.added(path);
  }

  /** The answer to a call of an earlier run; undefined where it was none. */
  late(write: Write): Message[] | undefined {
    return this.#running?.rpc?.late(write);
  }
}

function start({ control, ...options }: Options) {
  const { link, topics } = options;
  const commands = new CommandReceiver(options);
  const schedule = control && new ScheduleReceiver({ ...options, scheduling: control.scheduling });
  const rpc = control && new RpcReceiver({ ...options, control });
  const deaf = control?.controllers && followControllers(link, topics, control.controllers);
  commands.start();
  schedule?.start();
  rpc?.start();
  return { commands, schedule, rpc, deaf };
}

/** Listens to what controllers, or their wills, publish of themselves. The returned function ends it. */
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
