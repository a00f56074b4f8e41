import type { PointView } from "../../../schemas.ts";
import { anyValue } from "../../kit/format.ts";
import { Name } from "../../kit/name.tsx";

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
  return (
    <span class={quality === "failed" ? "state faulted" : "quiet"} title={title}>
      {quality === "failed" && (
        <span class="mark" aria-hidden="true">
          ▲
        </span>
      )}
      {quality}
    </span>
  );
}
