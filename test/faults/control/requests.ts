import { type Absence, type Answer, type Asked, type Overridden, type Said, verdictOf } from "./judge.ts";
import type { Random } from "./random.ts";
import { type ControlSite, DEVICES } from "./site.ts";

const REQUESTERS = ["ems", "tariff", "operator", "fleet"];
/** Those that say `online` and `offline`. */
export const CONTROLLERS = ["ems", "tariff"];
const MOST_KW = 6.9;

/** What is asked how often. */
const KINDS = {
  limit: 40,
  stop: 8,
  percent: 8,
  "limit of the station": 6,
  "revert point": 14,
  "revert device": 6,
  "shedState 0": 5,
  again: 3,
  nonsense: 2,
  override: 4,
  reservation: 3,
};

interface Called {
  readonly verb: string;
  readonly text: string;
  readonly sentAt: number;
  response?: { readonly result?: unknown; readonly error?: { readonly message: string } };
}

/** Sends random commands of several requesters, and notes every answer and whatever else the bridge says. */
export class Requests {
  readonly asked: Asked[] = [];
  readonly overridden: Overridden[] = [];
  readonly absences: Absence[] = [];
  readonly said: Said[] = [];
  /** By kind. */
  readonly counts: Record<string, number> = {};
  readonly calls: Called[] = [];
  readonly #site: ControlSite;
  readonly #random: Random;
  readonly #sentAt = new Map<Asked, number[]>();
  #number = 0;

  constructor(site: ControlSite, random: Random) {
    this.#site = site;
    this.#random = random;
    site.ear.client.on("message", (topic, payload) => this.#hear(topic, payload.toString()));
  }

  async start(): Promise<void> {
    const { client } = this.#site.ear;
    await client.subscribeAsync(["voltbridge/test/event", "devices/actuators/write/#"], { qos: 1 });
    for (const name of CONTROLLERS) await this.controller(name, "online");
  }

  /** One command, of any kind; one that ends by itself after so many minutes at most. */
  async send(longestMinutes: number): Promise<void> {
    const random = this.#random;
    const kind = random.weighted(KINDS);
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    const device = random.pick(DEVICES);
    const port = random.pick(["1", "2"]);
    const lasts = Math.min(longestMinutes, random.chance(0.7) ? 1 : 2);
    const minutes = random.chance(0.35) && lasts > 0 ? { minutes: lasts } : {};
    // Three places, so that each limit is told from all others.
    const kw = Math.round(random.between(0.5, MOST_KW) * 1000) / 1000;
    switch (kind) {
      case "limit":
        return this.command({ action: "set", device, port, mode: "allowedLoad", value: kw, ...minutes });
      case "stop":
        return this.command({ action: "set", device, port, mode: "allowedLoad", value: 0, ...minutes });
      case "percent":
        return this.command({
          action: "set",
          device,
          port,
          mode: "percentShed",
          value: Math.round(random.between(1, 100)),
          ...minutes,
        });
      case "limit of the station":
        return this.command({
          action: "set",
          device,
          port: undefined,
          mode: "allowedLoad",
          value: kw,
          ...minutes,
        });
      case "revert point":
        return this.command({ action: "revert", device, port: random.chance(0.8) ? port : undefined });
      case "revert device":
        return this.command({ action: "revert device", device, port: undefined });
      case "shedState 0":
        return this.command({ action: "set", device, port: random.chance(0.8) ? port : undefined });
      case "again":
        return this.#again();
      case "nonsense":
        return this.command({ action: "set", device, port, mode: "allowedLoad", value: -1 });
      case "override":
        return this.#override(device);
      case "reservation":
        return this.#reserve(device);
    }
  }

  /** Sends a command; one without a mode ends limits. */
  async command(
    what: Pick<Asked, "action" | "device" | "port" | "mode" | "value" | "minutes"> & {
      readonly requester?: string;
    },
  ): Promise<void> {
    const { action, device, port, mode, value, minutes } = what;
    const requester = what.requester ?? this.#random.pick(REQUESTERS);
    const attribute = mode ?? (action === "set" ? "shedState" : "allowedLoad");
    const point =
      action === "revert device" ? undefined : port === undefined ? attribute : `${attribute}_${port}`;
    const sentAt: [number, ...number[]] = [Date.now()];
    const asked: Asked = {
      ...{
        id: `c${++this.#number}`,
        requester,
        action,
        device,
        stationID: this.#site.stationOf(device),
        port,
        point,
      },
      ...(mode && { mode, value: value! }),
      ...(minutes !== undefined && { minutes }),
      ...{ sentAt, answers: [] },
    };
    this.asked.push(asked);
    this.#sentAt.set(asked, sentAt);
    await this.#publish(asked);
  }

  /** Commands since a time that have no last answer. */
  unanswered(since: number): Asked[] {
    return this.asked.filter((asked) => asked.sentAt.at(-1)! > since && !verdictOf(asked));
  }

  /** Errors of overrides that the bridge's own disk was the reason of. */
  get stoppedByDisk(): string[] {
    return this.calls
      .filter(
        ({ verb, response }) => verb.includes("override") && /disk/.test(response?.error?.message ?? ""),
      )
      .map(({ text, response }) => `${text}: ${response!.error!.message}`);
  }

  async controller(name: string, state: "online" | "offline"): Promise<void> {
    const now = Date.now();
    const open = this.absences.find(
      ({ requester, to }) => requester === name && to === Number.POSITIVE_INFINITY,
    );
    if (state === "online" && open) open.to = now;
    if (state === "offline" && !open)
      this.absences.push({ requester: name, from: now, to: Number.POSITIVE_INFINITY });
    await this.#site.ear.send(`voltbridge/test/controller/${name}/state`, state, { retain: true });
  }

  async clearOverrides(): Promise<void> {
    await this.#call("clear_overrides", []);
    for (const one of this.overridden) one.to = Math.min(one.to, Date.now());
  }

  /** The same command under the same id, as a sender does who heard nothing. */
  async #again(): Promise<void> {
    const recent = this.asked.slice(-10);
    if (recent.length === 0) return;
    const asked = this.#random.pick(recent);
    this.#sentAt.get(asked)!.push(Date.now());
    await this.#publish(asked);
  }

  async #override(device: string): Promise<void> {
    const seconds = Math.round(this.#random.between(2, 8));
    const failsafe = this.#random.chance(0.7);
    const from = Date.now();
    // It is tried again for as long as it stands, and what is under way then goes on.
    if (failsafe) this.overridden.push({ device, from, to: from + (seconds + 30) * 1000 });
    await this.#call("set_override_on", [device, seconds, failsafe, false]);
  }

  async #reserve(device: string): Promise<void> {
    const task = `t${++this.#number}`;
    const from = new Date(Date.now() + this.#site.clockSeconds * 1000);
    const to = new Date(from.getTime() + this.#random.between(2, 6) * 1000);
    const slots = [[device, from.toISOString(), to.toISOString()]];
    await this.#call("request_new_schedule", [this.#random.pick(REQUESTERS), task, "HIGH", slots]);
  }

  async #call(verb: string, params: readonly unknown[]): Promise<void> {
    const id = this.calls.push({ verb, text: `${verb} ${JSON.stringify(params)}`, sentAt: Date.now() }) - 1;
    await this.#site.ear.send(
      `voltbridge/test/rpc/${verb}`,
      JSON.stringify({ jsonrpc: "2.0", id, params, requester: "operator" }),
      { properties: { responseTopic: `judge/call/${id}` } },
    );
  }

  async #publish({ id, requester, action, device, point, mode, value, minutes }: Asked): Promise<void> {
    const verb = { set: "set", revert: "revert/point", "revert device": "revert/device" }[action];
    const target = point === undefined ? device : `${device}/${point}`;
    const payload = {
      ...{ id, requester },
      ...(action === "set" && { value: mode ? value : 0 }),
      ...(minutes !== undefined && { duration_minutes: minutes }),
    };
    await this.#site.ear.send(`devices/actuators/${verb}/${target}`, JSON.stringify(payload), {
      properties: { responseTopic: `judge/command/${id}` },
    });
  }

  #hear(topic: string, text: string): void {
    const at = Date.now();
    const [, kind, id] = /^judge\/(command|call)\/(.+)$/.exec(topic) ?? [];
    if (kind === "command") {
      const said = JSON.parse(text) as {
        status: string;
        text?: string;
        final?: false;
        repeated?: true;
        error?: string;
      };
      const answer: Answer = {
        ...{ at, status: said.status, text: said.text ?? "", error: said.error },
        ...{ final: said.final ?? true, repeated: said.repeated ?? false },
      };
      this.asked.find((asked) => asked.id === id)?.answers.push(answer);
    } else if (kind === "call") {
      const response = JSON.parse(text) as NonNullable<Called["response"]>;
      this.calls[Number(id)]!.response = response;
      const { text: called } = this.calls[Number(id)]!;
      this.said.push({
        at,
        device: "",
        text: `${called}: ${response.error?.message ?? JSON.stringify(response.result)}`,
      });
    } else if (topic === "voltbridge/test/event") {
      const event = JSON.parse(text) as { kind: string; text: string; device?: string };
      this.said.push({ at, device: event.device ?? "", text: `event ${event.kind}: ${event.text}` });
    } else if (topic.startsWith("devices/actuators/write/")) {
      const [, device = ""] = /^devices\/actuators\/write\/([^/]+\/[^/]+)/.exec(topic) ?? [];
      const [value, , headers] = JSON.parse(text) as [unknown, unknown, Record<string, unknown>?];
      this.said.push({
        at,
        device,
        text: `announces ${headers?.action} ${JSON.stringify(value)} for ${headers?.requesterID} (${headers?.id})`,
      });
    }
  }
}
