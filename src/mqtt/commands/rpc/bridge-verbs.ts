import { LimitGroupNotFoundError } from "../../../devices/errors.ts";
import type { Verb } from "./verb.ts";

/** Verbs of the bridge's own: load shed events, limits, its configs, its health. */
export const bridgeVerbs: Readonly<Record<string, Verb>> = {
  create_event: {
    params: ["path", "start", "minutes"],
    named: ["kw", "percent", "group", "allow_opt_out"],
    call(params, { control, command }) {
      const [kw, percent] = [params.number("kw"), params.number("percent")];
      if ((kw === undefined) === (percent === undefined)) throw params.wrong('give either "kw" or "percent"');
      const group = params.raw("group") ?? undefined;
      const plan = {
        startsAt: params.time("start"),
        durationMinutes: params.number("minutes") ?? Number.NaN,
        limit: kw === undefined ? { percent: percent! } : { kw },
        allowOptOut: params.boolean("allow_opt_out") ?? true,
        ...(group !== undefined && { group: String(group) }),
      };
      return control.eventing.createEvent(params.device(), plan, command);
    },
  },
  remove_event: {
    params: ["id"],
    call: (params, { control, command }) => control.eventing.removeEvent(String(params.raw("id")), command),
  },
  get_events: {
    params: [],
    call: (_, { control }) => control.eventing.events(),
  },
  get_sheds: {
    params: [],
    call: (_, { control }) => control.sheds(),
  },
  get_limits: {
    params: ["group"],
    call(params, { control }) {
      const groups = control.limiting?.limits() ?? [];
      if ((params.raw("group") ?? null) === null) return groups;
      const name = params.text("group");
      const known = groups.map(({ group }) => group);
      if (!known.includes(name)) throw new LimitGroupNotFoundError(name, known);
      return groups.filter(({ group }) => group === name);
    },
  },
  set_limit: {
    params: ["group", "kw"],
    call(params, { control, command }) {
      const kw = params.raw("kw");
      const name = params.text("group");
      if (kw === undefined) throw params.wrong('"kw" is missing');
      if (!control.limiting) throw new LimitGroupNotFoundError(name, []);
      return control.limiting.setLimit(name, kw, command);
    },
  },
  reload: {
    params: ["confirm", "preview"],
    call(params, { control, command }) {
      const confirm = params.boolean("confirm") ?? false;
      const preview = params.boolean("preview") ?? false;
      if (!control.reloading) throw new ReloadUnavailableError();
      if (!preview) control.checkCommand(command);
      return control.reloading.reload({ confirm, preview });
    },
  },
  get_health: {
    params: [],
    call: (_, { health }) => health(),
  },
};

/** The bridge was not started from config files, so there is nothing to load again. */
class ReloadUnavailableError extends Error {
  override readonly name = "ReloadUnavailableError";

  constructor() {
    super(
      "this bridge does not run from config files, or cannot load them while it runs; restart it instead",
    );
  }
}
