import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const registries = fileURLToPath(new URL("../../registry", import.meta.url));

export interface SiteOptions {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  readonly stationIDs: readonly string[];
  /** Further or other settings of bridge.json. */
  readonly bridge: Record<string, unknown>;
  /** Further or other settings of every device config. */
  readonly device?: Record<string, unknown>;
  readonly driver?: Record<string, unknown>;
}

/** A folder with the configs, registries and data of one bridge; devices are `site/s1`, `site/s2`, … */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), "voltbridge-site-"));
  readonly config = join(this.folder, "configs", "bridge.json");
  readonly data = join(this.folder, "data");
  readonly devices = join(this.folder, "configs", "devices", "site");

  constructor(options: SiteOptions) {
    mkdirSync(this.devices, { recursive: true });
    mkdirSync(join(this.folder, "registry"));
    for (const name of ["chargepoint.csv", "chargepoint-minimal.csv"]) {
      copyFileSync(join(registries, name), join(this.folder, "registry", name));
    }
    this.write("configs/bridge.json", { instance: "test", ...options.bridge });
    const { endpoint, username, password } = options;
    options.stationIDs.forEach((stationID, index) => {
      this.write(`configs/devices/site/s${index + 1}.json`, {
        driver_type: "chargepoint",
        driver_config: { stationID, username, password, endpoint, ...options.driver },
        registry_config: "config://chargepoint-minimal.csv",
        interval: 1,
        ...options.device,
      });
    });
  }

  write(path: string, content: unknown): void {
    const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
    writeFileSync(join(this.folder, path), text, { mode: 0o600 });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
