/** Who comes to which port of the garage, when (minutes of the day), how strong and how hungry. */
export interface Visit {
  readonly vehicle: string;
  readonly port: number;
  readonly from: number;
  readonly until: number;
  readonly kw: number;
  readonly needKwh: number;
}

const hour = (h: number) => h * 60;

/**
 * A day of a garage under offices and flats, from six to six: at nine all ports are taken, a few change at noon, residents
 * come in the evening and stay over night. The same seed gives the same day.
 */
export function visitsOf(ports: number, seed: number): Visit[] {
  const random = generator(seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  const visits: Visit[] = [];
  const add = (port: number, from: number, until: number, needKwh: number) => {
    const kw = port % 2 === 0 ? 7.2 : 6.8;
    const vehicle = `v${String(visits.length + 1).padStart(2, "0")}`;
    visits.push({
      vehicle,
      port,
      from: Math.round(from),
      until: Math.round(until),
      kw,
      needKwh: Math.round(needKwh),
    });
  };
  for (let port = 0; port < ports; port++) {
    const changes = port % 5 === 2;
    add(
      port,
      between(hour(7.4), hour(8.9)),
      changes ? between(hour(11.5), hour(12.3)) : between(hour(15.5), hour(17.3)),
      between(14, 42),
    );
    if (changes) add(port, between(hour(12.5), hour(13.3)), between(hour(15.5), hour(17)), between(8, 25));
    if (port % 10 !== 9) add(port, between(hour(17.6), hour(20.5)), hour(30), between(10, 38));
  }
  return visits;
}

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
