import { Name } from "../../kit/name.tsx";
import { deviceCell, devices, nameOf } from "../../state/devices.ts";
import { stationHref } from "../../state/router.ts";
import { useSignalValue } from "../../state/signal.ts";

/** Returns the name of a station; the path where it is not known. */
export function stationName(device: string): string {
  const cell = deviceCell(device);
  return cell ? nameOf(cell.view.peek()) : device;
}

/** A link to a station by its name. */
export function StationLink({ device }: { device: string }) {
  // The names may come later than the view.
  useSignalValue(devices);
  return (
    <a class="station" href={stationHref(device)}>
      <Name text={stationName(device)} />
    </a>
  );
}
