import { type Layout, META } from "./layout.ts";
import { safeName, safeNameBeside, type Tag } from "./line.ts";

const AUDIT = "actuators/write/";

/**
 * VOLTTRON's layout: the last level of the lower-case topic is the measurement, the three before it are the tags device,
 * building and campus (campus with all that is left of it), `source` tells where it came from, the field is `value`.
 */
export const volttronLayout: Layout = {
  wide: false,
  locate(key) {
    const levels = key.split("/");
    const measurement = levels.pop() ?? "";
    const device = levels.pop();
    const building = levels.pop();
    const campus = levels.length > 0 ? levels.join("/") : undefined;
    const tags: Tag[] = [
      ["building", tagValue(building)],
      ["campus", tagValue(campus)],
      ["device", tagValue(device)],
      ["source", key.startsWith(AUDIT) ? "record" : "scrape"],
    ];
    return { measurement: safeNameBeside(measurement, META), tags };
  },
  field: () => "value",
};

function tagValue(level: string | undefined): string {
  return level === undefined ? "" : safeName(level);
}
