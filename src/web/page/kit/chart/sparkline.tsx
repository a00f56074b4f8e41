/** A line without axes; its height is the range of its values, from 0. Gaps stay gaps. */
export function Sparkline({
  values,
  label,
  width = 96,
  height = 20,
  most,
}: {
  values: readonly (number | null)[];
  /** The line in words; without it the line is decoration beside a number. */
  label?: string;
  width?: number;
  height?: number;
  /** Value of the upper edge, so that several lines compare. Default: the largest value. */
  most?: number;
}) {
  const top = Math.max(most ?? 0, ...values.map((value) => value ?? 0), 1e-9);
  const bottom = Math.min(0, ...values.map((value) => value ?? 0));
  const line = <path d={lineOf(values, width, height, bottom, top)} />;
  const size = { class: "sparkline", width, height, viewBox: `0 0 ${width} ${height}` };
  if (!label) {
    return (
      <svg {...size} aria-hidden="true">
        {line}
      </svg>
    );
  }
  return (
    <svg {...size} role="img" aria-label={label}>
      {line}
    </svg>
  );
}

function lineOf(
  values: readonly (number | null)[],
  width: number,
  height: number,
  bottom: number,
  top: number,
): string {
  // Half of the line's width stays free at the edges.
  const step = (width - 2) / Math.max(1, values.length - 1);
  let drawing = false;
  return values
    .map((value, index) => {
      if (value === null) {
        drawing = false;
        return "";
      }
      const x = (1 + index * step).toFixed(1);
      const y = (1 + (height - 2) * (1 - (value - bottom) / (top - bottom))).toFixed(1);
      // A value between two gaps is a dot: a line to itself with round ends.
      const text = drawing ? `L${x} ${y}` : `M${x} ${y}h.1`;
      drawing = true;
      return text;
    })
    .join("");
}
