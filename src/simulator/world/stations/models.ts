/** A plug of a station. */
export interface Outlet {
  /** Text: ports can be `1A`. */
  readonly number: string;
  readonly connector: string;
  /** The same in the terms of fleets (guide §10.5.3). */
  readonly plugType: string;
  readonly kw: number;
  readonly volts: number;
  readonly amps: number;
  /** As in answers of getStations. */
  readonly level: "L1" | "L2" | "DC Fast";
  /** As in searches (guide §7.1.2). */
  readonly levelNumber: "1" | "2" | "4";
}

/** A kind of station. */
export interface StationModel {
  readonly manufacturer: string;
  readonly name: string;
  readonly outlets: readonly Outlet[];
  readonly dc: boolean;
  readonly firmware: string;
  /** Whether it is a home unit, used by one driver. */
  readonly home: boolean;
  /** Maximum power of all ports together, in kW, where that is less than their sum. */
  readonly sharedKw: number | null;
  /** Unsupported features. */
  readonly canShedPerPort: boolean;
  readonly canShedAbsolute: boolean;
  readonly panelSharing: boolean;
}

const ordinary = {
  manufacturer: "ChargePoint",
  dc: false,
  home: false,
  sharedKw: null,
  canShedPerPort: true,
  canShedAbsolute: true,
  panelSharing: false,
} as const;

const j1772 = (number: string, kw: number, amps: number): Outlet => ({
  number,
  connector: "J1772",
  plugType: "Type 1",
  kw,
  volts: 240,
  amps,
  level: "L2",
  levelNumber: "2",
});
const nema: Outlet = {
  number: "1",
  connector: "NEMA 5-20R",
  plugType: "NEMA 5-20R",
  kw: 1.92,
  volts: 120,
  amps: 16,
  level: "L1",
  levelNumber: "1",
};
const dc = { volts: 480, level: "DC Fast", levelNumber: "4" } as const;
const ccs: Outlet = {
  ...dc,
  number: "1A",
  connector: "CCS1",
  plugType: "CCS Combo Type 1",
  kw: 62.5,
  amps: 156,
};
const chademo: Outlet = {
  ...dc,
  number: "1B",
  connector: "CHAdeMO",
  plugType: "CHAdeMO",
  kw: 50,
  amps: 125,
};

const twoPorts = [j1772("1", 7.2, 30), j1772("2", 7.2, 30)];
const MODELS = {
  twoPort: { ...ordinary, name: "CT4021-GW1", firmware: "4.5.0.14", outlets: twoPorts },
  olderTwoPort: {
    ...ordinary,
    name: "CT4020-HD",
    firmware: "4.3.2.8",
    outlets: [j1772("1", 6.6, 30), j1772("2", 6.6, 30)],
  },
  onePort: { ...ordinary, name: "CT4011-GW1", firmware: "4.5.0.14", outlets: [j1772("1", 7.2, 30)] },
  fast: { ...ordinary, name: "CPE250C-625", firmware: "5.2.1.3", dc: true, outlets: [ccs] },
  /** One power supply for two cables. */
  fastTwoCables: {
    ...ordinary,
    name: "CPE250C-625-CCS1-CHD",
    firmware: "5.2.1.3",
    dc: true,
    sharedKw: 62.5,
    outlets: [ccs, chademo],
  },
  home: {
    ...ordinary,
    name: "CPH50-L2",
    firmware: "3.1.4.2",
    home: true,
    outlets: [j1772("1", 11.5, 48)],
  },
  /** The oldest: a household socket and a J1772 plug, limited only by percentage. */
  socketAndPlug: {
    ...ordinary,
    name: "CT2100-HD-CCR",
    firmware: "3.9.1.6",
    canShedAbsolute: false,
    outlets: [nema, j1772("2", 7.2, 30)],
  },
  wholeStationOnly: {
    ...ordinary,
    name: "CT4025-GW1",
    firmware: "4.2.0.11",
    canShedPerPort: false,
    outlets: twoPorts,
  },
  /** Both ports are on one circuit of a panel, which limits them itself. */
  panelSharing: {
    ...ordinary,
    name: "CT4021-PSG",
    firmware: "4.5.0.14",
    sharedKw: 7.2,
    panelSharing: true,
    outlets: twoPorts,
  },
} as const satisfies Record<string, StationModel>;

/** Positions of the rare models in every other site. */
const RARE: Readonly<Record<number, StationModel>> = {
  29: MODELS.home,
  33: MODELS.socketAndPlug,
  37: MODELS.panelSharing,
  41: MODELS.wholeStationOnly,
  45: MODELS.fastTwoCables,
};

/** Returns the model with this name. @throws RangeError where there is none */
export function modelNamed(name: string): StationModel {
  const models: readonly StationModel[] = Object.values(MODELS);
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name).join(", ");
  throw new RangeError(`there is no model ${JSON.stringify(name)}; there are ${names}`);
}

/**
 * Returns the model of the station at this position of the list: mostly two-port pedestals, the first seven among them; the
 * first site has only stations that can be shed; the first hundred stations include every model.
 */
export function modelOf(index: number): StationModel {
  const rare = RARE[index % 48];
  if (rare) return rare;
  if (index % 20 === 11) return MODELS.fast;
  if (index % 8 === 7) return MODELS.onePort;
  return index % 3 === 2 ? MODELS.olderTwoPort : MODELS.twoPort;
}
