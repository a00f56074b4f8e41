// Dashboards for Grafana: what is written here once becomes deploy/grafana/<language>/<dashboard>.json by `npm run update`.
import { control } from "./control.ts";
import { fleet } from "./fleet.ts";
import { health } from "./health.ts";
import { dashboardJson, fileOf } from "./json.ts";
import { LANGUAGES } from "./panel.ts";
import { sessions } from "./sessions.ts";
import { station } from "./station.ts";

const DASHBOARDS = [fleet, station, sessions, control, health];

/** Returns the text of each file below `deploy/grafana`, by its name. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    LANGUAGES.flatMap((language) =>
      DASHBOARDS.flatMap((dashboard): [string, string][] => {
        const json = dashboardJson(dashboard, language);
        return json ? [[fileOf(dashboard, language), `${JSON.stringify(json, null, 2)}\n`]] : [];
      }),
    ),
  );
}
