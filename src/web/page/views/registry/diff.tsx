import { Fragment } from "preact";
import type { DeviceChange, DiffHunk } from "./files-api.ts";

/** Number of lines that are drawn; a longer comparison is not read line by line. */
const MOST_LINES = 2000;

/** How two texts differ, line by line. */
export function Diff({ hunks, label }: { hunks: readonly DiffHunk[] | null; label: string }) {
  if (hunks === null) return <p class="quiet">They differ in more lines than can be shown.</p>;
  if (hunks.length === 0) return <p class="quiet">No line differs.</p>;
  let left = MOST_LINES;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="diff" aria-label={label} tabIndex={0}>
      <table>
        <caption class="hidden-text">{label}</caption>
        <thead class="hidden-text">
          <tr>
            <th scope="col">Line before</th>
            <th scope="col">Line after</th>
            <th scope="col">Text</th>
          </tr>
        </thead>
        <tbody>
          {hunks.map((hunk, index) => {
            const lines = numbered(hunk).slice(0, Math.max(0, left));
            left -= lines.length;
            return (
              <Fragment key={index}>
                {index > 0 && lines.length > 0 && (
                  <tr class="skipped">
                    <td colSpan={3}>⋯</td>
                  </tr>
                )}
                {lines.map(({ sign, old, now, text }, at) => (
                  <tr key={at} class={sign === "+" ? "added" : sign === "-" ? "removed" : undefined}>
                    <td class="number">{old}</td>
                    <td class="number">{now}</td>
                    <td>
                      <span class="diff-sign">
                        {sign}
                        {sign !== " " && (
                          <span class="hidden-text">{sign === "+" ? "added:" : "removed:"}</span>
                        )}
                      </span>
                      <bdi>{text}</bdi>
                    </td>
                  </tr>
                ))}
              </Fragment>
            );
          })}
        </tbody>
      </table>
      {left <= 0 && <p class="quiet">and more lines</p>}
    </section>
  );
}

function numbered({ oldStart, newStart, lines }: DiffHunk) {
  let before = oldStart;
  let after = newStart;
  return lines.map((line) => {
    const sign = line[0] ?? " ";
    return {
      sign,
      text: line.slice(1),
      old: sign === "+" ? "" : before++,
      now: sign === "-" ? "" : after++,
    };
  });
}

/** Returns the comparison the other way round. */
export function reversed(hunks: readonly DiffHunk[] | null): readonly DiffHunk[] | null {
  if (hunks === null) return null;
  const signs: Readonly<Record<string, string>> = { "+": "-", "-": "+" };
  return hunks.map(({ oldStart, newStart, lines }) => ({
    oldStart: newStart,
    newStart: oldStart,
    lines: removedFirst(lines.map((line) => (signs[line[0]!] ?? " ") + line.slice(1))),
  }));
}

/** Within a block of changes, what is removed stands before what is added. */
function removedFirst(lines: readonly string[]): string[] {
  const sorted: string[] = [];
  let added: string[] = [];
  for (const line of lines) {
    if (line.startsWith("+")) added.push(line);
    else if (line.startsWith("-")) sorted.push(line);
    else {
      sorted.push(...added, line);
      added = [];
    }
  }
  return [...sorted, ...added];
}

/** Number of names that are listed. */
const MOST_NAMES = 20;

/** Names in a sentence; of many, the first. */
export function Names({ what, names }: { what: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  const shown = names.slice(0, MOST_NAMES);
  return (
    <p>
      <strong>
        {names.length} {what}
      </strong>{" "}
      {shown.map((name, at) => (
        <Fragment key={name}>
          {at > 0 && ", "}
          <bdi>{name}</bdi>
        </Fragment>
      ))}
      {names.length > shown.length && ` and ${names.length - shown.length} more`}
    </p>
  );
}

/** What becomes of devices. */
export function DeviceChanges({ changes }: { changes: readonly DeviceChange[] }) {
  return (
    <ul class="changes">
      {changes.slice(0, MOST_NAMES).map(({ kind, device, text }) => (
        <li key={device}>
          <strong>{kind}</strong> <bdi>{device}</bdi>: <span class="quiet">{text}</span>
        </li>
      ))}
      {changes.length > MOST_NAMES && <li class="quiet">and {changes.length - MOST_NAMES} more</li>}
    </ul>
  );
}
