type Loads = readonly (readonly [ms: number, kw: number])[];

const WIDTH = 1200;
const HEIGHT = 560;
const LEFT = 80;
const RIGHT = 30;
const TOP = 84;
const BOTTOM = 64;
const HOUR = 3_600_000;
const FIRST = 6 * HOUR;
const LAST = 30 * HOUR;
const FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"';

/** The load of a day with and without control, against the limit, as SVG. */
export function picture(free: Loads, controlled: Loads, limitKw: number): string {
  const most = Math.ceil(free.reduce((most, [, kw]) => Math.max(most, kw), limitKw) / 20) * 20;
  const x = (ms: number) => LEFT + ((ms - FIRST) / (24 * HOUR)) * (WIDTH - LEFT - RIGHT);
  const y = (kw: number) => HEIGHT - BOTTOM - (kw / most) * (HEIGHT - TOP - BOTTOM);
  const line = (loads: Loads) =>
    thinned(loads)
      .map(([ms, kw]) => `${x(ms).toFixed(1)},${y(kw).toFixed(1)}`)
      .join(" ");
  const area = (loads: Loads) => `${x(FIRST)},${y(0)} ${line(loads)} ${x(LAST)},${y(0)}`;
  const grid: string[] = [];
  for (let kw = 0; kw <= most; kw += 20)
    grid.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(kw)}" y2="${y(kw)}" stroke="#e3e6ea"/>`,
      `<text x="${LEFT - 10}" y="${y(kw) + 5}" text-anchor="end" fill="#52606d">${kw}</text>`,
    );
  for (let hour = 6; hour <= 30; hour += 3)
    grid.push(
      `<line x1="${x(hour * HOUR)}" x2="${x(hour * HOUR)}" y1="${y(0)}" y2="${y(0) + 6}" stroke="#9aa5b1"/>`,
      `<text x="${x(hour * HOUR)}" y="${y(0) + 24}" text-anchor="middle" fill="#52606d">${String(hour % 24).padStart(2, "0")}:00</text>`,
    );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" ${FONT} font-size="14">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="34" font-size="19" font-weight="bold" fill="#1f2933">A garage of 20 ports, held at ${limitKw} kW for a simulated day</text>
<g transform="translate(${LEFT},58)">
<rect width="18" height="12" y="-11" fill="#cbd2d9"/><text x="26" fill="#323f4b">load without control</text>
<rect x="200" width="18" height="12" y="-11" fill="#2f80c2"/><text x="226" fill="#323f4b">load with control</text>
<line x1="376" x2="400" y1="-5" y2="-5" stroke="#c81e1e" stroke-width="2" stroke-dasharray="7 4"/><text x="408" fill="#323f4b">limit</text>
</g>
${grid.join("\n")}
<polygon points="${area(free)}" fill="#cbd2d9" fill-opacity="0.75"/>
<polyline points="${line(free)}" fill="none" stroke="#9aa5b1" stroke-width="1.2"/>
<polygon points="${area(controlled)}" fill="#2f80c2" fill-opacity="0.3"/>
<polyline points="${line(controlled)}" fill="none" stroke="#2f80c2" stroke-width="1.8"/>
<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(limitKw)}" y2="${y(limitKw)}" stroke="#c81e1e" stroke-width="2" stroke-dasharray="7 4"/>
<text x="${WIDTH - RIGHT}" y="${y(limitKw) - 8}" text-anchor="end" fill="#c81e1e">${limitKw} kW</text>
<text x="26" y="${(TOP + HEIGHT - BOTTOM) / 2}" fill="#52606d" text-anchor="middle" transform="rotate(-90 26 ${(TOP + HEIGHT - BOTTOM) / 2})">load of the garage, kW</text>
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle" fill="#52606d">time of day</text>
</svg>
`;
}

/** A point a minute is enough to see; of each minute the highest, so that no peak is lost. */
function thinned(loads: Loads): Loads {
  const highest = new Map<number, readonly [number, number]>();
  for (const point of loads) {
    const minute = Math.floor(point[0] / 60_000);
    if (point[1] >= (highest.get(minute)?.[1] ?? -1)) highest.set(minute, point);
  }
  return [...highest.values()];
}
