import type { Sample } from "../../contract.ts";
import type { Tag } from "./line.ts";

/** Where a topic's values are: one series. */
export interface Location {
  readonly measurement: string;
  /** In the order of their names. An empty value: the series does not have the tag. */
  readonly tags: readonly Tag[];
}

/** How topics become measurements, tags and fields. */
export interface Layout {
  /** The series of a topic, by its lower-case name. Two topics can share one only where `wide`. */
  locate(key: string): Location;
  /** The field that a topic's values would have. */
  field(sample: Pick<Sample, "topic" | "meta">): string;
  /** Whether values of the same series and time go into one line, each topic with a field of its own. */
  readonly wide: boolean;
}

/** Measurement of what is known of the topics, one point each at time 0, as VOLTTRON's InfluxDB historian has it. */
export const META = "meta";

/** Field of the values, in JSON, that are of another kind than their field; empty: see the field itself. */
export function jsonFieldOf(field: string): string {
  return `${field}_json`;
}
