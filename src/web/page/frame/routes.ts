import type { ComponentType } from "preact";

/** What a view is given: the rest of its address, decoded. */
export interface ViewProps {
  readonly rest: string;
}

interface View {
  /** First part of the address; "" is the first page. */
  readonly name: string;
  /** The address may go on after the name. */
  readonly deep?: boolean;
  readonly load: () => Promise<{ readonly default: ComponentType<ViewProps> }>;
}

/** THE LIST of views. Each is loaded when it is shown first. */
const VIEWS: readonly View[] = [
  { name: "", load: () => import("../views/stations/stations.tsx") },
  { name: "sessions", deep: true, load: () => import("../views/sessions/sessions.tsx") },
  { name: "history", load: () => import("../views/history/history.tsx") },
  { name: "stations", deep: true, load: () => import("../views/station/station.tsx") },
  { name: "registry", deep: true, load: () => import("../views/registry/registry.tsx") },
  { name: "control", load: () => import("../views/control/control.tsx") },
  { name: "alarms", load: () => import("../views/alarms/alarms.tsx") },
  { name: "system", load: () => import("../views/system/system.tsx") },
];

/** Returns the view of an address, and the rest of the address after its name; undefined where there is none. */
export function viewOf(path: string): { readonly view: View; readonly rest: string } | undefined {
  const [name = "", ...rest] = path.slice(1).split("/");
  const isDeep = rest.some((part) => part !== "");
  // `/stations` alone is the list, as `/` is.
  const view = VIEWS.find((one) =>
    name === "stations" && !isDeep ? one.name === "" : one.name === name && (one.deep || !isDeep),
  );
  try {
    return view && { view, rest: rest.map(decodeURIComponent).join("/") };
  } catch {
    // A percent sign that encodes nothing.
    return undefined;
  }
}
