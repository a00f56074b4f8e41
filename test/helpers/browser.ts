import axe from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type ConsoleMessage,
  chromium,
  type Page,
  type Request,
  type ViewportSize,
  type WebError,
} from "playwright-core";
import { isFull } from "../faults/scale.ts";
import { endings } from "./endings.ts";
import { findProgram } from "./mosquitto.ts";

/** Chromium of Debian: a real browser, with nothing downloaded. */

export const chromiumInstalled = hasChromium();

export function hasChromium(): boolean {
  return findChromium() !== undefined;
}

/** Returns the Chromium without windows, which needs a third less of the processor, or the whole one where that is missing. */
function findChromium(): string | undefined {
  return findProgram("chromium-headless-shell") ?? findProgram("chromium");
}

export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium()!,
    // Containers give little shared memory, and run as root.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** A look of the page: of the colour scheme and the size of the window. */
export interface Look {
  readonly colorScheme?: "dark" | "light";
  readonly viewport?: ViewportSize;
}

const LOOKS = {
  light: {},
  dark: { colorScheme: "dark" },
  "on a phone": { viewport: PHONE },
} as const satisfies Record<string, Look>;

/** Every look in `npm run test:faults`; in `npm test` one, with which each view, dialog and failed state is checked once. */
export function looks(quick: keyof typeof LOOKS): readonly (readonly [name: string, look: Look])[] {
  return Object.entries(LOOKS).filter(([name]) => isFull || name === quick);
}

export interface PageOptions extends Look {
  readonly cookies?: Parameters<BrowserContext["addCookies"]>[0];
  /** What a page cannot change any more: such a page is a new one, with a cache of its own. */
  readonly own?: Omit<BrowserContextOptions, keyof Look>;
}

/** A page, and everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, refused contents, failed requests, and requests to another origin. */
  readonly troubles: string[];
}

let browser: Promise<Browser> | undefined;
let shared: Page | undefined;

/**
 * Opens an address until the end of the test, or until the next one is opened. All tests of a process use one page, which is left blank
 * and without cookies: a new one takes four times as long to show a view, because it has to compile the scripts anew.
 */
export async function openPage(url: string, options: PageOptions = {}): Promise<WatchedPage> {
  await leavePage();
  const { viewport = WIDE, colorScheme = "light", cookies = [], own } = options;
  browser ??= startChromium();
  const page = (!own && shared) || (await (await (await browser).newContext(own)).newPage());
  if (!own) shared = page;
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
  const context = page.context();
  await context.addCookies(cookies);
  const troubles: string[] = [];
  const onConsole = (message: ConsoleMessage): void => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(message.text());
  };
  const onError = (error: WebError): unknown => troubles.push(String(error.error().stack));
  const onRequest = (request: Request): void => {
    if (new URL(request.url()).origin !== new URL(url).origin) troubles.push(`asked ${request.url()}`);
  };
  context.on("console", onConsole).on("weberror", onError).on("request", onRequest);
  leavePage = async () => {
    leavePage = async () => undefined;
    context.off("console", onConsole).off("weberror", onError).off("request", onRequest);
    if (own) return context.close();
    await context.unrouteAll({ behavior: "ignoreErrors" });
    const [kept, ...others] = context.pages();
    for (const other of others) await other.close();
    shared = kept;
    await kept?.unrouteAll({ behavior: "ignoreErrors" });
    await kept?.mouse.move(0, 0);
    await kept?.goto("about:blank");
    await context.clearCookies();
  };
  endings.push(() => leavePage());
  await page.goto(url);
  return { page, troubles };
}

let leavePage = async (): Promise<void> => undefined;

/** Returns what axe-core finds on a page as it is shown, each with the first element that has it. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the page's own rules allow no inline script.
  if (await page.evaluate("!window.axe"))
    await page.evaluate(`(() => {
      const module = undefined;
      ${axe.source};
    })()`);
  return page.evaluate(`(async () => {
    const { violations } = await axe.run();
    return violations.map(({ id, impact, nodes }) => id + " (" + impact + "): " + nodes[0].html + " " + nodes[0].failureSummary);
  })()`);
}
