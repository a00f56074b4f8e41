import { Counter, Gauge, type Registry } from "@prometheus-io/client";

export type Labels = Readonly<Record<string, string>>;
export type Series = readonly [labels: Labels, value: number];

/** Metrics of one name whose series are set anew for each text. */
export interface Family {
  set(series: Iterable<Series>): void;
}

/** Creates families in a registry. `labels`: names of the labels, separated by spaces. */
export class Families {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  gauge(name: string, help: string, labels = ""): Family {
    const gauge = new Gauge({ ...this.#about(name, help, labels) });
    return {
      set(series) {
        gauge.reset();
        // Without labels, a reset gauge is 0 and not absent.
        if (labels === "") gauge.remove();
        for (const [own, value] of series) gauge.set(own, value);
      },
    };
  }

  /** The total is counted elsewhere, and never decreases. */
  counter(name: string, help: string, labels = ""): Family {
    const counter = new Counter({ ...this.#about(name, help, labels) });
    return {
      set(series) {
        counter.reset();
        for (const [own, value] of series) counter.inc(own, value);
      },
    };
  }

  #about(name: string, help: string, labels: string) {
    return { name, help, labelNames: labels === "" ? [] : labels.split(" "), registers: [this.#registry] };
  }
}

/** Returns a series for each entry, with its key as the value of a label. */
export function byKey(label: string, entries: Readonly<Record<string, number>>, more: Labels = {}): Series[] {
  return Object.entries(entries).map(([key, value]): Series => [{ ...more, [label]: key }, value]);
}

/** The series of a metric without labels. */
export function single(value: number): Series[] {
  return [[{}, value]];
}

/** Converts kW, without the noise of binary fractions. */
export function watts(kw: number): number {
  return Math.round(kw * 1e6) / 1000;
}
