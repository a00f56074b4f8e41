import { useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { type Fact, Facts } from "../../kit/text/facts.tsx";
import { anyValue, NONE } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Age, Time } from "../../kit/text/time.tsx";
import { LimitDialog, limitTargets } from "./limit.tsx";
import { RevertPointDialog, SetDialog } from "./set.tsx";

/** All that is known of a point, and what can be done with it. */
export function PointDialog({
  details,
  point,
  why,
  isReading,
  onRead,
  onClose,
}: {
  details: DeviceDetails;
  point: PointView;
  /** Why nothing can be set now; undefined where it can. */
  why: string | undefined;
  isReading: boolean;
  /** Undefined: the reader may not. */
  onRead: (() => void) | undefined;
  onClose: () => void;
}) {
  const [doing, setDoing] = useState<"set" | "revert">();
  const target = limitTargets(details).find((one) => one.point === point.point);
  if (doing === "set" && target) return <LimitDialog details={details} target={target} onClose={onClose} />;
  if (doing === "set") return <SetDialog details={details} point={point} onClose={onClose} />;
  if (doing === "revert") return <RevertPointDialog details={details} point={point} onClose={onClose} />;
  const range =
    point.min === null && point.max === null ? NONE : `${point.min ?? "any"} to ${point.max ?? "any"}`;
  const facts: readonly Fact[] = [
    [
      "Value",
      point.withheld ? (
        "Withheld: it is personal data, which your role does not see."
      ) : (
        <bdi class="whole">
          {`${anyValue(point.value)} ${point.value === null ? "" : point.units}`.trim()}
        </bdi>
      ),
    ],
    [
      "Read",
      <>
        <Time at={point.readAt} /> <Age at={point.readAt} class="quiet" />
      </>,
    ],
    ["Quality", <Quality point={point} />],
    point.failure && ["Failure", <bdi>{point.failure}</bdi>],
    ["Type", point.type],
    ["Register, attribute", [point.register, point.attribute].filter(Boolean).join(", ") || NONE],
    ["Port", point.port ?? "station"],
    ["Call", point.call ?? NONE],
    point.writable && ["Range", range],
    point.notes && ["Notes", <bdi>{point.notes}</bdi>],
  ];
  return (
    <Dialog title={<Name text={point.point} />} onClose={onClose}>
      <Facts facts={facts} />
      {!point.writable && <p class="quiet">Cannot be set: its registry row does not have Writable TRUE.</p>}
      {point.writable && why && <p class="quiet">{why}</p>}
      <div class="row end">
        {onRead && (
          <button type="button" class="button" disabled={isReading} onClick={onRead}>
            {isReading ? "Reading…" : "Read now"}
          </button>
        )}
        {point.writable && (
          <>
            <button
              type="button"
              class="button"
              disabled={why !== undefined}
              onClick={() => setDoing("revert")}
            >
              Revert…
            </button>
            <button type="button" class="button" disabled={why !== undefined} onClick={() => setDoing("set")}>
              Set…
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}

/** A value with its unit; personal data that the reader may not see is said to be withheld. */
export function Value({ point }: { point: PointView }) {
  if (point.withheld) return <em class="quiet">withheld</em>;
  const text = anyValue(point.value);
  const unit = point.units && point.value !== null ? ` ${point.units}` : "";
  return <Name text={text + unit} />;
}

const QUALITIES = {
  good: "Read with the last scrape.",
  stale: "An earlier value: it was not read with the last scrape.",
  failed: "It could not be read.",
  none: "It was never read.",
} as const;

export function Quality({ point: { quality, failure } }: { point: PointView }) {
  const title = failure ?? QUALITIES[quality];
  if (quality === "failed") return <StateMark state="faulted" text={quality} title={title} />;
  return (
    <span class="quiet" title={title}>
      {quality}
    </span>
  );
}
