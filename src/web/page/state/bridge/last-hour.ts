import { type ReadonlySignal, signal } from "@preact/signals-core";
import { api } from "../requests/api.ts";
import { RowCurves } from "../requests/row-curves.ts";

/** Mean loads of the last hour, one for each two minutes; null where nothing was read. */
export type HourOfLoad = readonly (number | null)[];

interface LastHourAnswer {
  readonly totalKw: HourOfLoad;
  readonly limitKw: number | null;
  readonly devices: readonly {
    readonly device: string;
    readonly ports: readonly { readonly port: string; readonly loadKw: HourOfLoad }[];
  }[];
}

const limit = signal<number | null>(null);
/** The limit of the whole site in kW; null where there is none. */
export const siteLimit: ReadonlySignal<number | null> = limit;

/** Name of the whole site among the devices; its curve is that of the port with the same name. */
export const SITE = "";

/** The last hour of the ports of each device. */
export const lastHours = new RowCurves<Readonly<Record<string, HourOfLoad>>>(async (names) => {
  const device = names.filter((name) => name !== SITE);
  const { totalKw, limitKw, devices } = await api.get<LastHourAnswer>("last-hour", { query: { device } });
  limit.value = limitKw;
  return [
    [SITE, { [SITE]: totalKw }],
    ...devices.map(
      ({ device: path, ports }) =>
        [path, Object.fromEntries(ports.map(({ port, loadKw }) => [port, loadKw]))] as const,
    ),
  ];
}, 60_000);
