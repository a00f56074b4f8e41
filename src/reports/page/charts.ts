import { figure, shortened } from "../figures.ts";
import { html, type Markup } from "./markup.ts";

/**
 * Charts that fit any width without scripts: shapes are SVG, placed by shares of its width, so that texts keep their size. Colours are
 * classes of the page's style, light and dark.
 */

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

/** Maximum length of a label, in characters. */
const MAX_LABEL = 48;

/** Returns horizontal bars, one per row. */
export function bars(title: string, all: readonly Bar[], tone = "tone-1"): Markup {
  const most = Math.max(...all.map(({ value }) => value), Number.MIN_VALUE);
  const rows = all.map(({ label, value, text = figure(value) }) =>
    row(label, text, html`<rect class="${tone}" width="${share(value / most)}" height="100%" rx="2"/>`),
  );
  return html`<ul class="bars" aria-label="${title}">
${rows}</ul>`;
}

/** Returns horizontal bars of several parts, one per row, with the sum at the end. */
export function stackedBars(title: string, series: readonly Series[], all: readonly StackedBar[]): Markup {
  const sums = all.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const most = Math.max(...sums, 1);
  const rows = all.map(({ label, values }, at) => {
    let x = 0;
    const parts = values.flatMap((value, index) => {
      if (value === 0) return [];
      const { name, tone } = series[index]!;
      const part = html`<rect class="${tone} part" x="${share(x / most)}" width="${share(value / most)}" height="100%"><title>${label}, ${name}: ${figure(value)}</title></rect>`;
      x += value;
      return [part];
    });
    return row(label, figure(sums[at]!), html`${parts}`);
  });
  const legend = series.map(
    ({ name, tone }) => html`<span class="key"><i class="${tone}"></i>${shortened(name, 40)}</span>`,
  );
  return html`<div class="legend">${legend}</div><ul class="bars" aria-label="${title}">
${rows}</ul>`;
}

function row(label: string, text: string, shapes: Markup): Markup {
  return html`<li><span class="label">${shortened(label, MAX_LABEL)}</span><svg aria-hidden="true">${shapes}</svg><span class="value">${text}</span></li>
`;
}

const PLOT_HEIGHT = 190;
const FOOT = 24;
const HEAD = 10;
/** Maximum number of labels below columns: of the page's whole width, of half of it, and on a phone. */
export const WIDE_LABELS = 16;
const LABELS = 8;
const MAX_PHONE_LABELS = 5;

export interface ColumnsOptions {
  readonly unit: string;
  /** CSS class of the colour. */
  readonly tone?: string;
  readonly mostLabels?: number;
}

/** Returns columns over time with a scale, and as many labels as fit. */
export function columns(
  title: string,
  all: readonly Bar[],
  { unit, tone = "tone-1", mostLabels = LABELS }: ColumnsOptions,
): Markup {
  const scale = scaleOf(Math.max(...all.map(({ value }) => value), 0));
  const top = scale.at(-1)!;
  const y = (value: number) => HEAD + PLOT_HEIGHT - (value / top) * PLOT_HEIGHT;
  const step = 1 / Math.max(all.length, 1);
  const width = Math.min(step * 0.78, 0.08);
  const ticks = scale.map(
    (value) =>
      html`<text class="tick" x="100%" y="${px(y(value))}" text-anchor="end" dominant-baseline="central">${figure(value)}</text>`,
  );
  const grid = scale.map(
    (value) => html`<line class="grid" x2="100%" y1="${px(y(value))}" y2="${px(y(value))}"/>`,
  );
  const every = Math.ceil(all.length / mostLabels);
  const everyOnPhone = every * Math.ceil(all.length / every / MAX_PHONE_LABELS);
  const marks = all.map(({ label, value, text = `${figure(value)} ${unit}` }, at) => {
    const middle = step * (at + 0.5);
    const column =
      value > 0
        ? html`<rect class="${tone}" x="${share(middle - width / 2)}" y="${px(y(value))}" width="${share(width)}" height="${px(HEAD + PLOT_HEIGHT - y(value))}"/>`
        : html``;
    const tick =
      at % every === 0
        ? html`<text class="tick${at % everyOnPhone === 0 ? "" : " wide-only"}" x="${share(middle)}" y="${HEAD + PLOT_HEIGHT + 15}" text-anchor="middle">${label}</text>`
        : html``;
    return html`<g><title>${label}: ${text}</title><rect class="hit" x="${share(step * at)}" y="${HEAD}" width="${share(step)}" height="${PLOT_HEIGHT}"/>${column}${tick}</g>
`;
  });
  const height = HEAD + PLOT_HEIGHT + FOOT;
  return html`<div class="plot"><svg height="${height}" aria-hidden="true">${ticks}</svg><svg height="${height}" role="img" aria-label="${title}">
${grid}${marks}</svg></div>`;
}

/** Returns a scale from 0 in four or five round steps to at least `most`. */
function scaleOf(most: number): number[] {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

function share(value: number): string {
  return `${Math.round(value * 1e4) / 100}%`;
}

function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}
