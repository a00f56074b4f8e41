/** A kind of station. */
export interface StationModel {
  readonly manufacturer: string;
  readonly name: string;
  readonly portNumbers: readonly string[];
  /** Of each port. */
  readonly kw: number;
  readonly volts: number;
  readonly amps: number;
  readonly connector: string;
  /** As getStations tells it. */
  readonly level: "L2" | "DC Fast";
  /** As searches ask for it (guide §7.1.2). */
  readonly levelNumber: "2" | "4";
  readonly dc: boolean;
  readonly firmware: string;
}

const pedestal = {
  manufacturer: "ChargePoint",
  portNumbers: ["1", "2"],
  volts: 240,
  amps: 30,
  connector: "J1772",
  level: "L2",
  levelNumber: "2",
  dc: false,
} as const;

const MODELS = {
  twoPort: { ...pedestal, name: "CT4021-GW1", kw: 7.2, firmware: "4.5.0.14" },
  olderTwoPort: { ...pedestal, name: "CT4020-HD", kw: 6.6, firmware: "4.3.2.8" },
  onePort: { ...pedestal, name: "CT4011-GW1", kw: 7.2, portNumbers: ["1"], firmware: "4.5.0.14" },
  fast: {
    manufacturer: "ChargePoint",
    name: "CPE250C-625",
    portNumbers: ["1A"],
    kw: 62.5,
    volts: 480,
    amps: 156,
    connector: "CCS1",
    level: "DC Fast",
    levelNumber: "4",
    dc: true,
    firmware: "5.2.1.3",
  },
} as const satisfies Record<string, StationModel>;

/** The model of the station with this place in the list: mostly two-port pedestals, the first seven among them. */
export function modelOf(index: number): StationModel {
  if (index % 20 === 11) return MODELS.fast;
  if (index % 8 === 7) return MODELS.onePort;
  return index % 3 === 2 ? MODELS.olderTwoPort : MODELS.twoPort;
}
