import type { Override } from "../../../devices/commands.ts";
import type { Verb } from "./verb.ts";

/** Verbs that say who may write to which device, and when: reservations, overrides, paused devices. */
export const scheduleVerbs: Readonly<Record<string, Verb>> = {
  request_new_schedule: {
    params: ["requester_id", "task_id", "priority", "requests"],
    schedules: true,
    call(params, { control, command, requester }) {
      const asked = {
        taskId: params.raw("task_id"),
        priority: params.raw("priority"),
        slots: params.raw("requests"),
      };
      return control.scheduling.requestNewSchedule(asked, { ...command, requester });
    },
  },
  request_cancel_schedule: {
    params: ["requester_id", "task_id"],
    schedules: true,
    call: (params, { control, command, requester }) =>
      control.scheduling.requestCancelSchedule(params.raw("task_id"), { ...command, requester }),
  },
  get_schedules: {
    params: [],
    call: (_, { control }) => control.scheduling.tasks(),
  },
  set_override_on: {
    params: ["pattern", "duration", "failsafe_revert", "staggered_revert"],
    call(params, { control, command }) {
      const options = {
        durationSeconds: params.number("duration"),
        failsafeRevert: params.boolean("failsafe_revert"),
        staggeredRevert: params.boolean("staggered_revert"),
      };
      control.overriding.setOverrideOn(params.text("pattern"), options, command);
    },
  },
  set_override_off: {
    params: ["pattern"],
    call: (params, { control, command }) =>
      control.overriding.setOverrideOff(params.text("pattern"), command),
  },
  clear_overrides: {
    params: [],
    call: (_, { control, command }) => control.overriding.clearOverrides(command),
  },
  get_override_devices: {
    params: [],
    call: (_, { control }) => control.overriding.overrideDevices(),
  },
  get_override_patterns: {
    params: [],
    call: (_, { control }) => control.overriding.overridePatterns().map(({ pattern }) => pattern),
  },
  get_overrides: {
    params: [],
    call: (_, { control }) => control.overriding.overridePatterns().map(overrideJson),
  },
  pause_device: {
    params: ["path"],
    call: (params, { control, command }) => control.pausing.pause(params.device(), command),
  },
  resume_device: {
    params: ["path"],
    call: (params, { control, command }) => control.pausing.resume(params.device(), command),
  },
  get_paused: {
    params: [],
    call: (_, { control }) => control.pausing.paused(),
  },
};

function overrideJson({ pattern, endsAt, devices }: Override) {
  return { pattern, endsAt: endsAt?.toISOString() ?? null, devices };
}
