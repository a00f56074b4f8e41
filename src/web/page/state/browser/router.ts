import { type ReadonlySignal, signal } from "@preact/signals-core";

/** Where the reader is: the address of the page, in parts. */
export interface Place {
  /** As in the address bar, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** How the reader came here; `load` is the first view after the page was loaded. */
  readonly by: "load" | "link" | "back" | "replace";
}

const read = (by: Place["by"]): Place => ({
  path: location.pathname,
  query: new URLSearchParams(location.search),
  by,
});

const current = signal<Place>(read("load"));
export const place: ReadonlySignal<Place> = current;

/** Keeps the reader on a view whose changes are not saved. */
export interface LeaveGuard {
  readonly holds: () => boolean;
  /** Asks the reader; `leave` goes where they wanted to. */
  readonly ask: (leave: () => void) => void;
}

const guards = new Set<LeaveGuard>();

/** Adds a guard while the view is drawn; a tab that is closed is asked by the browser. Returns the function that ends it. */
export function guardLeaving(guard: LeaveGuard): () => void {
  const unload = (event: BeforeUnloadEvent): void => {
    if (guard.holds()) event.preventDefault();
  };
  guards.add(guard);
  addEventListener("beforeunload", unload);
  return () => {
    guards.delete(guard);
    removeEventListener("beforeunload", unload);
  };
}

/** Returns whether a guard holds the reader; it then asks, and goes to `href` once the reader wants to. */
function isHeld(href: string): boolean {
  const guard = [...guards].find(({ holds }) => holds());
  guard?.ask(() => {
    guards.delete(guard);
    navigate(href);
  });
  return guard !== undefined;
}

/** Goes to an address of the page. `replace` makes no entry of its own in the history: for filters and ranges. */
export function navigate(href: string, options: { replace?: boolean } = {}): void {
  const target = new URL(href, location.href);
  if (target.pathname !== location.pathname && isHeld(href)) return;
  if (options.replace) {
    history.replaceState(history.state, "", href);
    current.value = read("replace");
    return;
  }
  keepScroll();
  history.pushState(null, "", href);
  current.value = read("link");
  scrollTo(0, 0);
}

/**
 * Changes values of the query; `undefined` or an empty text removes one, a list is repeated. In place, unless `entry` makes
 * an entry of its own in the history: then the way back takes the change back.
 */
export function setQuery(
  values: Readonly<Record<string, string | readonly string[] | undefined>>,
  { entry = false }: { readonly entry?: boolean } = {},
): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    query.delete(name);
    for (const one of typeof value === "string" ? [value] : (value ?? []))
      if (one !== "") query.append(name, one);
  }
  const text = query.toString();
  navigate(location.pathname + (text === "" ? "" : `?${text}`), { replace: !entry });
}

/** Address of a station's page; the levels of its path stay levels of the address. */
export function stationHref(device: string): string {
  return `/stations/${device.split("/").map(encodeURIComponent).join("/")}`;
}

/** Follows plain links of the page, the back button and scroll positions. */
export function startRouter(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    if (isWithinView()) return;
    const { path, query } = current.peek();
    const target = location.href;
    if (location.pathname !== path && isHeld(target)) {
      const search = query.toString();
      history.pushState(null, "", path + (search === "" ? "" : `?${search}`));
      return;
    }
    current.value = read("back");
    restoreScroll((history.state as { scroll?: number } | null)?.scroll ?? 0);
  });
  addEventListener("pagehide", keepScroll);
  let waiting: ReturnType<typeof setTimeout> | undefined;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(waiting);
      waiting = setTimeout(keepScroll, 150);
    },
    { passive: true },
  );
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (link.pathname.startsWith("/api/") || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    navigate(link.href);
  });
  const before = (history.state as { scroll?: number } | null)?.scroll;
  if (before) restoreScroll(before);
}

/** Whether the reader followed a link to a part of the view: the browser has gone there already. */
function isWithinView(): boolean {
  const { path, query } = current.peek();
  const isSame = location.pathname === path && String(new URLSearchParams(location.search)) === String(query);
  return isSame && location.hash !== "" && history.state === null;
}

/** The position belongs to the entry of the history that the reader is about to leave. */
function keepScroll(): void {
  history.replaceState({ scroll: Math.round(scrollY) }, "");
}

/** A view is loaded after the reader went back to it: waits until the page is tall enough, at most 3 s. */
function restoreScroll(top: number): void {
  const until = performance.now() + 3000;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"])
    addEventListener(name, stop, { once: true, passive: true });
  const attempt = (): void => {
    if (stopped) return;
    if (document.documentElement.scrollHeight - innerHeight >= top) scrollTo(0, top);
    else if (performance.now() < until) requestAnimationFrame(attempt);
  };
  requestAnimationFrame(attempt);
}
