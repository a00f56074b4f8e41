import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findProgram } from "./mosquitto.ts";

/** Chromium of Debian: a real browser, with nothing downloaded. */

export const chromiumInstalled = hasChromium();

export function hasChromium(): boolean {
  return findProgram("chromium") !== undefined;
}

export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findProgram("chromium")!,
    // Containers give little shared memory, and run as root.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** A page in a browser of its own, and everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, refused contents, failed requests, and requests to another origin. */
  readonly troubles: string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const troubles: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(message.text());
  });
  context.on("weberror", (error) => troubles.push(String(error.error().stack)));
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) troubles.push(`asked ${request.url()}`);
  });
  const page = await context.newPage();
  await page.goto(url);
  return { page, troubles, close: () => context.close() };
}

/** Returns what axe-core finds on a page as it is shown, each with the first element that has it. */
export function accessibilityFaults(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the page's own rules allow no inline script.
  return page.evaluate(`(async () => {
    const module = undefined;
    ${axe.source};
    const { violations } = await axe.run();
    return violations.map(({ id, impact, nodes }) => id + " (" + impact + "): " + nodes[0].html + " " + nodes[0].failureSummary);
  })()`);
}
