import { figure, shortened } from "./figures.ts";
import { html, type Markup } from "./markup.ts";

/** Charts as SVG that scales with the page. Colours are classes of the page's style, light and dark. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Text at its end. Default: the value. */
  readonly text?: string;
}

export interface StackedBar {
  readonly label: string;
  /** By series. */
  readonly values: readonly number[];
}

export interface Series {
  readonly name: string;
  /** CSS class of its colour. */
  readonly tone: string;
}

/** Widths of charts, close to their pixels on the page, so that all texts have the same size. */
export const WIDE = 1100;
export const NARROW = 510;

const LABEL_WIDTH = 210;
const TEXT_WIDTH = 70;
const ROW = 26;
const BAR = 16;

/** Returns horizontal bars, one per row. */
export function bars(title: string, all: readonly Bar[], tone = "tone-1"): Markup {
  const room = NARROW - LABEL_WIDTH - TEXT_WIDTH;
  const most = Math.max(...all.map(({ value }) => value), Number.MIN_VALUE);
  const rows = all.map(({ label, value, text }, at) => {
    const length = (value / most) * room;
    const y = at * ROW + (ROW - BAR) / 2;
    return html`<g><title>${label}: ${text ?? figure(value)}</title>${rowLabel(label, at)}
<rect class="${tone}" x="${LABEL_WIDTH}" y="${y}" width="${px(Math.max(length, value > 0 ? 1 : 0))}" height="${BAR}" rx="2"/>
<text class="value" x="${px(LABEL_WIDTH + length + 6)}" y="${at * ROW + ROW / 2}" dominant-baseline="central">${text ?? figure(value)}</text></g>
`;
  });
  return svg(title, NARROW, all.length * ROW, rows);
}

/** Returns horizontal bars of several parts, one per row, with the sum at the end. */
export function stackedBars(title: string, series: readonly Series[], all: readonly StackedBar[]): Markup {
  const sums = all.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const most = Math.max(...sums, 1);
  const room = WIDE - LABEL_WIDTH - TEXT_WIDTH;
  const rows = all.map(({ label, values }, at) => {
    const y = at * ROW + (ROW - BAR) / 2;
    let x = LABEL_WIDTH;
    const parts = values.flatMap((value, index) => {
      if (value === 0) return [];
      const width = (value / most) * room;
      const part = html`<rect class="${series[index]!.tone} part" x="${px(x)}" y="${y}" width="${px(width)}" height="${BAR}"><title>${label}, ${series[index]!.name}: ${figure(value)}</title></rect>`;
      x += width;
      return [part];
    });
    return html`<g>${rowLabel(label, at)}${parts}
<text class="value" x="${px(x + 6)}" y="${at * ROW + ROW / 2}" dominant-baseline="central">${figure(sums[at]!)}</text></g>
`;
  });
  const legend = series.map(
    ({ name, tone }) => html`<span class="key"><i class="${tone}"></i>${shortened(name, 40)}</span>`,
  );
  return html`<div class="legend">${legend}</div>${svg(title, WIDE, all.length * ROW, rows)}`;
}

const PLOT_HEIGHT = 190;
const AXIS = 52;
const FOOT = 24;
const HEAD = 10;

/** Returns columns over time with a scale, and as many labels as fit. */
export function columns(title: string, all: readonly Bar[], unit: string, size: number): Markup {
  const scale = scaleOf(Math.max(...all.map(({ value }) => value), 0));
  const top = scale.at(-1)!;
  const y = (value: number) => HEAD + PLOT_HEIGHT - (value / top) * PLOT_HEIGHT;
  const step = (size - AXIS) / Math.max(all.length, 1);
  const width = Math.max(0.5, Math.min(step * 0.78, 46));
  const grid = scale.map(
    (value) =>
      html`<line class="grid" x1="${AXIS}" x2="${size}" y1="${px(y(value))}" y2="${px(y(value))}"/><text class="tick" x="${AXIS - 8}" y="${px(y(value))}" text-anchor="end" dominant-baseline="central">${figure(value)}</text>`,
  );
  const every = Math.ceil(all.length / Math.floor((size - AXIS) / 72));
  const marks = all.map(({ label, value, text }, at) => {
    const middle = AXIS + step * (at + 0.5);
    const column =
      value > 0
        ? html`<rect class="tone-1" x="${px(middle - width / 2)}" y="${px(y(value))}" width="${px(width)}" height="${px(HEAD + PLOT_HEIGHT - y(value))}" rx="${width > 4 ? 2 : 0}"/>`
        : html``;
    const shown = at % every === 0;
    const tick = shown
      ? html`<text class="tick" x="${px(middle)}" y="${HEAD + PLOT_HEIGHT + 15}" text-anchor="middle">${label}</text>`
      : html``;
    return html`<g><title>${label}: ${text ?? `${figure(value)} ${unit}`}</title><rect class="hit" x="${px(middle - step / 2)}" y="${HEAD}" width="${px(step)}" height="${PLOT_HEIGHT}"/>${column}${tick}</g>
`;
  });
  return svg(title, size, HEAD + PLOT_HEIGHT + FOOT, [...grid, ...marks]);
}

/** Returns a scale from 0 in four or five round steps to at least `most`. */
function scaleOf(most: number): number[] {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

function rowLabel(label: string, at: number): Markup {
  return html`<text class="label" x="${LABEL_WIDTH - 10}" y="${at * ROW + ROW / 2}" text-anchor="end" dominant-baseline="central">${shortened(label, 25)}</text>`;
}

function svg(title: string, width: number, height: number, content: readonly Markup[]): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" preserveAspectRatio="xMinYMin meet">
${content}</svg>`;
}

function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}
