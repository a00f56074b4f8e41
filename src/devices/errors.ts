import { closest } from "../config/index.ts";

/** The bridge runs no such device. */
export class DeviceNotFoundError extends Error {
  override readonly name = "DeviceNotFoundError";

  constructor(path: string, suggestion?: string) {
    super(`there is no device ${path}${suggestion ? `; did you mean ${suggestion}?` : ""}`);
  }
}

/** No device can be created from a config and its rows. */
export class DeviceNotMadeError extends Error {
  override readonly name = "DeviceNotMadeError";
}

/** The command arrived too late, or waited too long. Nothing was sent. */
export class CommandExpiredError extends Error {
  override readonly name = "CommandExpiredError";
}

/** The device is reserved by another requester, or not reserved although `require_schedule` requires it. Nothing was sent. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

/** An override blocks writes to the device, or the override to be switched off does not exist. Nothing was sent. */
export class OverrideError extends Error {
  override readonly name = "OverrideError";
}

/** The device is paused, so nothing is read from it or written to it. Nothing was sent. */
export class PausedDeviceError extends Error {
  override readonly name = "PausedDeviceError";

  constructor(device: string, paused: string) {
    super(
      `device ${device} is ${paused}; nothing was sent. Resume it first: voltbridge device resume ${device}`,
    );
  }
}

/** The bridge holds a limit in the device, which it could neither renew nor end after the request. Nothing was changed. */
export class LimitInForceError extends Error {
  override readonly name = "LimitInForceError";

  constructor(device: string, limits: readonly { readonly point: string; readonly requester: string }[]) {
    const named = limits.map(({ point, requester }) => `${point} by ${requester}`).join(", ");
    const isOfSite = limits.some(({ requester }) => requester.startsWith("limit:"));
    const again = isOfSite ? ". A site limit sets it again: take the device out of its group before" : "";
    super(
      `the bridge holds a limit in ${device} (${named}); nothing was changed. Revert it first: voltbridge revert ${device}${again}`,
    );
  }
}

/** The bridge is read-only: by its settings, or while another bridge of its instance name is in charge. Nothing was sent. */
export class ReadOnlyBridgeError extends Error {
  override readonly name = "ReadOnlyBridgeError";

  constructor() {
    super(
      "this bridge is read-only (read_only in its config, run --read-only, or another bridge of its instance name is in charge); nothing was sent",
    );
  }
}

/** The command does not name its requester. Nothing was sent. */
export class RequesterError extends Error {
  override readonly name = "RequesterError";
}

/** A later command replaced one that was still waiting. Nothing was sent. */
export class SupersededError extends Error {
  override readonly name = "SupersededError";
}

/** The requester already used this id for another command. Nothing was sent. */
export class DuplicateIdError extends Error {
  override readonly name = "DuplicateIdError";
}

/** The config has no group with this name. */
export class LimitGroupNotFoundError extends Error {
  override readonly name = "LimitGroupNotFoundError";

  constructor(group: string, known: readonly string[]) {
    const suggestion = closest(group, known);
    const there =
      known.length === 0
        ? 'the bridge config has no groups; add them in its section "limits"'
        : `there are: ${known.join(", ")}`;
    super(`there is no limit group ${group}${suggestion ? `; did you mean ${suggestion}?` : `; ${there}`}`);
  }
}

/** Another member of the estate has the device. Nothing was sent. */
export class DeviceElsewhereError extends Error {
  override readonly name = "DeviceElsewhereError";

  constructor(path: string, member: string) {
    super(`device ${path} runs on member ${member}; nothing was sent. Ask there, or over MQTT`);
  }
}
