import { type Diagnostic, type DriverSettings, formatDiagnostic } from "../config/index.ts";
import type { AbleDevice, AbleType, ValueSource } from "../drivers/abilities.ts";
import { driverTypes } from "../drivers/index.ts";
import type { Log } from "../log/log.ts";
import type { Scrape } from "../points/index.ts";
import { systemClock, withDeadline } from "../time/clock.ts";
import { type BuildContext, buildDevices, type LoadedDevice } from "./building/build.ts";
import { openServices } from "./building/driver-services.ts";
import { DeviceNotMadeError } from "./errors.ts";
import { Scraper } from "./scraping/scraper.ts";

const DEADLINE_MS = 60_000;

interface ScrapeOnceOptions {
  readonly device: LoadedDevice;
  readonly settings: DriverSettings;
  readonly log: Log;
  readonly signal?: AbortSignal;
  readonly drivers?: Readonly<Record<string, AbleType>>;
}

export interface ScrapedOnce {
  readonly scrape: Scrape;
  /** Where each value comes from; empty for a driver type that cannot explain its readings. */
  readonly sources: ReadonlyMap<string, ValueSource>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads one device once, without a bridge. Rejects where the device cannot be created or nothing can be read. */
export async function scrapeOnce(options: ScrapeOnceOptions): Promise<ScrapedOnce> {
  await using opened = openServices(options.log);
  const context = {
    drivers: options.drivers ?? driverTypes,
    settings: options.settings,
    service: (type: AbleType) => opened.services.open(type),
  };
  return await scrapeBuilt(options.device, context, options.signal);
}

/** Creates a device beside those that may run, reads it once, and closes it. Rejects as {@link scrapeOnce}. */
export async function scrapeBuilt(
  loaded: LoadedDevice,
  context: BuildContext,
  signal?: AbortSignal,
): Promise<ScrapedOnce> {
  const { devices, diagnostics } = buildDevices([loaded], context);
  const [device] = devices;
  if (!device) throw new DeviceNotMadeError(diagnostics.map((d) => formatDiagnostic(d)).join("\n"));
  const what = `the scrape of ${device.info.path}`;
  const deadline = { clock: systemClock, ms: DEADLINE_MS, signal, what };
  const scraper = new Scraper(systemClock);
  let sources: ScrapedOnce["sources"] = new Map();
  const driver = explaining(device.driver, (explained) => {
    sources = explained;
  });
  try {
    const scrape = await withDeadline(deadline, (ending) =>
      scraper.scrape({ ...device, driver }, new Date(), ending),
    );
    return { scrape, sources, diagnostics };
  } finally {
    device.driver.close?.();
  }
}

/** Returns a device whose scrapes explain themselves to `tell`, where it can. */
function explaining(device: AbleDevice, tell: (sources: ScrapedOnce["sources"]) => void): AbleDevice {
  if (!device.explain) return device;
  return {
    scrapeAll: async (signal) => {
      const { reading, sources } = await device.explain!(signal);
      tell(sources);
      return reading;
    },
    getPoint: (point, signal) => device.getPoint(point, signal),
    setPoint: (point, value, options) => device.setPoint(point, value, options),
    revertPoint: (point, options) => device.revertPoint(point, options),
  };
}
