import { devices, stationName } from "../../state/bridge/devices.ts";
import { stationHref } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";

/** A name from outside: text in whatever direction, on one line, with the whole of it on hover. */
export function Name({ text, class: more }: { text: string; class?: string }) {
  return (
    <bdi class={more ? `name ${more}` : "name"} title={text}>
      {text}
    </bdi>
  );
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
