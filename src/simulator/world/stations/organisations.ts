/** Who owns stations. */
export interface Organisation {
  /** `CPNID:ORGnumber`. */
  readonly id: string;
  readonly name: string;
  /** First line of its stations' displays. */
  readonly shortName: string;
  readonly fleets: readonly string[];
}

/** The second has granted the first rights on some of its stations, the third on none. */
export const ORGANISATIONS: readonly Organisation[] = [
  {
    id: "1:ORG10001",
    name: "Riverbend Campus",
    shortName: "RIVERBEND",
    fleets: ["Riverbend Deliveries", "Riverbend Shuttles"],
  },
  {
    id: "1:ORG10002",
    name: "Harbor Fleet Services",
    shortName: "HARBOR FLEET",
    fleets: ["Harbor Vans"],
  },
  { id: "1:ORG10003", name: "Lakeside Parking", shortName: "LAKESIDE", fleets: [] },
];
