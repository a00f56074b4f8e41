import { useEffect, useRef } from "preact/hooks";
import { Sparkline } from "../kit/chart/sparkline.tsx";
import { answer } from "../kit/controls/answers.tsx";
import { Menu, type MenuItem } from "../kit/controls/menu.tsx";
import { count, counted, shortPower } from "../kit/text/format.ts";
import { attention } from "../state/bridge/attention.ts";
import { bridge, logout } from "../state/bridge/bridge.ts";
import { devicesState, type PortWord, totals } from "../state/bridge/devices.ts";
import { lastHours, SITE, siteLimit } from "../state/bridge/last-hour.ts";
import { useKeys } from "../state/browser/keys.ts";
import { navigate, place } from "../state/browser/router.ts";
import { useSignalValue } from "../state/browser/signal.ts";
import { failureText } from "../state/requests/api-error.ts";
import { connection } from "../state/requests/live.ts";
import { useCurve } from "../state/requests/row-curves.ts";

const PAGES = [
  ["/", "Stations", "s"],
  ["/sessions", "Sessions", "e"],
  ["/history", "History", "h"],
  ["/control", "Control", "c"],
  ["/alarms", "Alarms", "a"],
  ["/registry", "Registry", "r"],
  ["/system", "System", "y"],
] as const;

/** Who this is, where to go, how much is drawn, and what needs a person. */
export function Header() {
  const header = useRef<HTMLElement>(null);
  // Heads of tables stay below it.
  useEffect(() => {
    const resized = new ResizeObserver(() => {
      const isFixed = getComputedStyle(header.current!).position === "sticky";
      const height = isFixed ? header.current!.offsetHeight : 0;
      document.documentElement.style.setProperty("--sticky-top", `${height}px`);
    });
    resized.observe(header.current!);
    return () => resized.disconnect();
  }, []);
  useKeys(
    PAGES.map(([href, title, key]) => ({
      keys: `g ${key}`,
      what: `Go to ${title}`,
      run: () => navigate(href),
    })),
  );
  return (
    <header class="page-header" ref={header}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <div class="top">
        <Brand />
        <Navigation />
        <User />
      </div>
      <Summary />
      <Needs />
    </header>
  );
}

function Brand() {
  const info = useSignalValue(bridge);
  return (
    <a class="brand" href="/">
      <strong>voltbridge</strong>
      {info?.instance && <bdi class="quiet">{info.instance}</bdi>}
    </a>
  );
}

function Navigation() {
  const { path } = useSignalValue(place);
  const nav = useRef<HTMLElement>(null);
  // On a phone not all of the links fit: the current one is in sight. `scrollIntoView` would move the page as well.
  useEffect(() => {
    const bar = nav.current!;
    const link = bar.querySelector<HTMLElement>("[aria-current]");
    if (link) bar.scrollLeft = link.offsetLeft - bar.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2;
  }, [path]);
  const isAt = (href: string): boolean =>
    href === "/"
      ? path === "/" || path.startsWith("/stations")
      : path === href || path.startsWith(`${href}/`);
  return (
    <nav aria-label="Pages" ref={nav}>
      <ul>
        {PAGES.map(([href, title]) => (
          <li key={href}>
            <a href={href} aria-current={isAt(href) ? "page" : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function User() {
  const info = useSignalValue(bridge);
  const caller = info?.caller;
  if (!info || !caller) return null;
  if (caller.via === "open")
    return (
      <span class="quiet user" title="There are no users: everybody on this machine has this role.">
        {caller.role === "view" ? "look only" : caller.role}
      </span>
    );
  const items: MenuItem[] = caller.via === "session" ? [{ text: "Log out", run: logOut }] : [];
  return (
    <span class="user">
      <bdi>{caller.name}</bdi> <small class="quiet">{caller.role}</small>
      {items.length > 0 && <Menu label={`Menu of ${caller.name}`} button="⋯" items={items} />}
    </span>
  );
}

const logOut = (): void =>
  void logout().catch((error: unknown) => answer(failureText(error, "the end of the session"), "failed"));

/** Counts of ports by state; the rare ones only where there are some. */
const COUNTS: readonly (readonly [show: PortWord, word: string, isRare?: true])[] = [
  ["in_use", "in use"],
  ["available", "free"],
  ["limited", "limited"],
  ["faulted", "faulted"],
  ["unreachable", "unreachable", true],
  ["unknown", "unknown", true],
];

/** The site's total, and counts that are filters. */
function Summary() {
  const { ports, byState, stale, loadKw, devices } = useSignalValue(totals);
  const state = useSignalValue(devicesState);
  const live = useSignalValue(connection);
  const limitKw = useSignalValue(siteLimit);
  if (devices === 0) return null;
  return (
    <div class="summary">
      <span class="total">
        <strong class="big">{shortPower(loadKw)}</strong>
        {limitKw !== null && <span class="quiet">of {shortPower(limitKw)}</span>}
        <TotalHour />
      </span>
      <ul class="counts">
        <li>
          <a href="/">{counted(ports, "port")}</a>
        </li>
        {COUNTS.filter(([show, , isRare]) => !isRare || byState[show] > 0).map(([show, word]) => (
          <li key={show}>
            <a href={`/?show=${show}`}>
              {count(byState[show])} {word}
            </a>
          </li>
        ))}
        <li>
          <a href="/?show=stale">{count(stale)} stale</a>
        </li>
        {state === "loading" && <li class="quiet">loading more</li>}
      </ul>
      <span class="quiet" role="status">
        {live === "lost" ? "No connection to the bridge; values as of the last one. Trying again." : ""}
      </span>
    </div>
  );
}

/** The curve of the site in the last hour. */
function TotalHour() {
  const values = useCurve(lastHours, SITE)?.[SITE] ?? [];
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const label = `Load of all stations in the last hour: ${shortPower(Math.min(...known))} to ${shortPower(Math.max(...known))}`;
  return <Sparkline values={values} width={140} height={28} label={label} />;
}

/** What needs a person, each with a way to its remedy. */
function Needs() {
  const list = useSignalValue(attention);
  const info = useSignalValue(bridge);
  return (
    <>
      {list.length > 0 && (
        <ul class="needs">
          {list.map(({ text, href }) => (
            <li key={text}>
              <a href={href}>
                <span aria-hidden="true">▲ </span>
                {text}
              </a>
            </li>
          ))}
        </ul>
      )}
      {info?.caller && !info.active && (
        <p class="standby">
          Another bridge is in charge of this instance. This one reads and writes nothing until it takes over.
        </p>
      )}
    </>
  );
}
