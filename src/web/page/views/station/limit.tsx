import { useState } from "preact/hooks";
import type { DeviceDetails, PortView } from "../../../schemas.ts";
import { Chips } from "../../kit/controls/chips.tsx";
import { DialogForm } from "../../kit/controls/dialog-form.tsx";
import { RangeField } from "../../kit/controls/field.tsx";
import { shortPower } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { nameOf } from "../../state/bridge/devices.ts";
import { AskDialog, CommandDialog } from "../commands/command-dialog.tsx";
import { DurationField, durationText, HOUR, minutesOf } from "../commands/duration-field.tsx";
import { endText } from "../commands/progress.tsx";

/** What can be limited: a port, or the whole station. */
export interface LimitTarget {
  /** The writable point. */
  readonly point: string;
  /** Undefined: the whole station. */
  readonly port: string | undefined;
  readonly min: number;
  /** Largest limit that is taken; undefined: not known. */
  readonly max: number | undefined;
  /** Largest limit that makes sense, for the slider. */
  readonly most: number | undefined;
  readonly loadKw: number | null;
  readonly limit: PortView["limit"];
}

/** Returns what can be limited: each port with a row of its own, and the station where it has one. */
export function limitTargets({ points, ports, loadKw }: DeviceDetails): LimitTarget[] {
  const targets: LimitTarget[] = [];
  for (const { port, limitPoint, maxKw, loadKw: load, limit } of ports) {
    const point = points.find((one) => one.point === limitPoint);
    if (!point || point.port === null) continue;
    const max = maxKw ?? point.max ?? undefined;
    targets.push({ point: point.point, port, min: point.min ?? 0, max, most: max, loadKw: load, limit });
  }
  const whole = points.find(
    ({ measure, port, writable }) => measure === "limit" && port === null && writable,
  );
  if (!whole) return targets;
  const sum = ports.reduce((total, { maxKw }) => total + (maxKw ?? Number.NaN), 0);
  const max = whole.max ?? undefined;
  const most = max ?? (sum > 0 ? Math.round(sum * 100) / 100 : undefined);
  const limits = ports.flatMap(({ limit }) => limit ?? []);
  targets.push({
    ...{ point: whole.point, port: undefined, min: whole.min ?? 0, max, most, loadKw },
    limit: limits.length === ports.length ? (limits[0] ?? null) : null,
  });
  return targets;
}

/** Asks for a limit: how much, for how long, and says what it will do before it is sent. */
export function LimitDialog({
  details,
  target: first,
  onClose,
}: {
  details: DeviceDetails;
  target: LimitTarget;
  onClose: () => void;
}) {
  const targets = limitTargets(details);
  const [point, setPoint] = useState(first.point);
  const target = targets.find((one) => one.point === point) ?? first;
  const [text, setText] = useState(startText(first));
  const [length, setLength] = useState(HOUR);
  const { min, max, most } = target;
  const kw = text.trim() === "" ? Number.NaN : Number(text);
  const minutes = minutesOf(length);
  const isInRange = kw >= min && kw <= (max ?? Number.POSITIVE_INFINITY);
  const error = isInRange
    ? undefined
    : `Give a number of kW from ${min}${max === undefined ? "" : ` to ${max}`}.`;
  const name = nameOf(details);
  return (
    <CommandDialog
      title={
        <>
          Limit of <Name text={name} />
        </>
      }
      units="kW"
      onClose={onClose}
    >
      {(send) => (
        <DialogForm
          action={isInRange ? `Set ${shortPower(kw)}` : "Set"}
          hold={kw === 0}
          disabled={!isInRange || minutes === null}
          onClose={onClose}
          onSend={() =>
            send({
              ...{ action: "set", device: details.device, point: target.point, value: kw },
              durationMinutes: minutes ?? undefined,
            })
          }
        >
          {targets.length > 1 && (
            <Chips
              label="What is limited"
              choices={targets.map((one) => [
                one.point,
                one.port === undefined ? "whole station" : `port ${one.port}`,
              ])}
              value={target.point}
              onChoose={setPoint}
            />
          )}
          <RangeField
            label="Limit in kW"
            {...{ min, most, text, error }}
            step={0.1}
            unit="kW"
            onText={setText}
          />
          <DurationField value={length} onChange={setLength} />
          {isInRange && minutes !== null && (
            <p class="effect">
              <Effect details={details} target={target} kw={kw} minutes={minutes} />
            </p>
          )}
        </DialogForm>
      )}
    </CommandDialog>
  );
}

/** Begins with the limit in force, else with half of what is possible. */
function startText({ limit, most, min }: LimitTarget): string {
  if (typeof limit?.kw === "number") return String(limit.kw);
  return most === undefined ? "" : String(Math.max(min, Math.round(most * 5) / 10));
}

function Effect({
  details,
  target: { port, loadKw, limit },
  kw,
  minutes,
}: {
  details: DeviceDetails;
  target: LimitTarget;
  kw: number;
  minutes: number | undefined;
}) {
  const isWhole = port === undefined;
  const view = details.ports.find((one) => one.port === port);
  const isCharging = (loadKw ?? 0) > 0;
  const who =
    isWhole && details.ports.length > 1
      ? `All ${details.ports.length} ports of `
      : isWhole
        ? "The station "
        : `Port ${port} of `;
  const how = kw === 0 ? "stop charging" : `draw at most ${shortPower(kw)}`;
  const together = isWhole && details.ports.length > 1 && kw > 0 ? " together" : "";
  const now = isWhole
    ? `now ${shortPower(loadKw)}`
    : isCharging
      ? `the car charging there now draws ${shortPower(loadKw)}`
      : view?.state === "in_use"
        ? "the car there now draws nothing"
        : "nothing charges there now";
  return (
    <>
      {who}
      <Name text={nameOf(details)} /> will{together} {how} {durationText(minutes)}
      {endText(minutes)}; {now}.{minutes === undefined && " The bridge renews it until it is cleared."}
      {isWhole && details.ports.length > 1 && " Limits of single ports are replaced."}
      {limit &&
        ` It takes the place of the limit in force${limit.requester ? `, set by ${limit.requester}` : ""}.`}
    </>
  );
}

/** Asks before a limit is cleared. */
export function ClearDialog({
  details,
  target,
  onClose,
}: {
  details: DeviceDetails;
  target: LimitTarget;
  onClose: () => void;
}) {
  const { port, limit, max } = target;
  const which = port === undefined ? "" : `Port ${port} of `;
  return (
    <AskDialog
      title={
        <>
          Clear the limit of <Name text={nameOf(details)} />
        </>
      }
      units="kW"
      onClose={onClose}
      action="Clear the limit"
      request={{ action: "revert", device: details.device, point: target.point }}
    >
      <p class="effect">
        {which}
        <Name text={nameOf(details)} /> may draw{" "}
        {max === undefined ? "all that it can" : `up to ${shortPower(max)}`} again.
        {limit?.requester && ` The limit was set by ${limit.requester}.`}
        {limit &&
          limit.requester === null &&
          " The limit was not set by this bridge; it is cleared all the same."}
      </p>
    </AskDialog>
  );
}
