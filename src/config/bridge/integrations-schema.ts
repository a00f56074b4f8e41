import { section } from "../schema/setting-kinds.ts";

/** The `integrations` section of the bridge config: one key for each integration. */
export const INTEGRATIONS = section(
  "Views of the devices for other platforms, each with a connection of its own to the broker.",
  {},
);
