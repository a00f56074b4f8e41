import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { systemClock, withDeadline } from "../../../time/clock.ts";
import type { Finding, Reached, Site, SiteCheck } from "./site.ts";

/** PEM files of a connection. */
export interface PemFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const PORTS: Readonly<Record<string, number>> = {
  "mqtt:": 1883,
  "mqtts:": 8883,
  "ws:": 80,
  "wss:": 443,
  "http:": 80,
  "https:": 443,
};
const ENCRYPTED = new Set(["mqtts:", "wss:", "https:"]);
/** Remaining validity of a certificate below which a warning is given, in days. */
const SOON_DAYS = 21;
const DAY_MS = 86_400_000;

/** DNS, TCP and TLS of the broker and of every account's service. */
export const network: SiteCheck = async (site) => {
  const reached = await Promise.all(addressesOf(site).map((url) => site.reach(url)));
  return reached.flatMap(({ findings }) => findings);
};

/** Returns the addresses that the bridge connects to, each host and port once. */
export function addressesOf({ settings, accounts }: Pick<Site, "settings" | "accounts">): URL[] {
  const { embedded, url } = settings.mqtt;
  const urls = [...(embedded ? [] : [url]), ...accounts.map(({ service }) => service)];
  return [...new Map(urls.map((one) => [placeOf(new URL(one)), new URL(one)])).values()];
}

/** `broker.example:8883` */
export function placeOf(url: URL): string {
  return `${url.hostname}:${url.port || PORTS[url.protocol]}`;
}

/** Looks a host up, connects to it, and checks its certificate where the connection is encrypted. */
export async function reachHost(url: URL, pem: PemFiles, limits: Limits): Promise<Reached> {
  const place = placeOf(url);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const findings: Finding[] = [];
  const isEncrypted = ENCRYPTED.has(url.protocol);
  const skip = (checks: readonly string[], because: string) => {
    for (const check of checks)
      findings.push({ check, outcome: "skipped", text: `${place}: not checked, because ${because}` });
  };
  const later = isEncrypted ? ["tls"] : [];
  if (isIP(host) === 0) {
    const found = await findHost(host, limits);
    findings.push(found);
    if (found.outcome === "failed") {
      skip(["tcp", ...later], "the name is not known");
      return { isReached: false, isOpen: false, findings };
    }
  }
  const port = Number(url.port || PORTS[url.protocol]);
  const open = await connectHost(host, port, place, limits);
  findings.push(open);
  if (open.outcome === "failed") {
    skip(later, "nothing can be connected to there");
    return { isReached: false, isOpen: false, findings };
  }
  if (!isEncrypted) return { isReached: true, isOpen: true, findings };
  const tls = await checkCertificate({ host, port, place, pem }, limits);
  findings.push(tls);
  return { isReached: tls.outcome !== "failed", isOpen: true, findings };
}

async function findHost(host: string, limits: Limits): Promise<Finding> {
  const check = "dns";
  try {
    const found = await bounded(`looking up ${host}`, limits, () => lookup(host, { all: true }));
    return { check, outcome: "ok", text: `${host} is ${found.map(({ address }) => address).join(", ")}` };
  } catch (error) {
    limits.signal.throwIfAborted();
    return {
      ...{ check, outcome: "failed", text: `${host} cannot be looked up: ${reasonOf(error)}` },
      remedy: "correct the name in the config, or this machine's DNS servers (/etc/resolv.conf)",
    };
  }
}

async function connectHost(host: string, port: number, place: string, limits: Limits): Promise<Finding> {
  const check = "tcp";
  const began = performance.now();
  try {
    const socket = connectTcp({ host, port });
    await bounded(`connecting to ${place}`, limits, (ending) => opened(socket, "connect", ending));
    return {
      check,
      outcome: "ok",
      text: `${place} accepts connections (${Math.round(performance.now() - began)} ms)`,
    };
  } catch (error) {
    limits.signal.throwIfAborted();
    const { code } = error as { code?: string };
    return {
      ...{ check, outcome: "failed", text: `cannot connect to ${place}: ${reasonOf(error)}` },
      remedy:
        code === "ECONNREFUSED"
          ? "nothing listens there: start the server, or correct host and port in the config"
          : "a firewall may be in the way: let this machine connect to that host and port",
    };
  }
}

async function checkCertificate(
  { host, port, place, pem }: { host: string; port: number; place: string; pem: PemFiles },
  limits: Limits,
): Promise<Finding> {
  const check = "tls";
  let socket: TLSSocket;
  try {
    const [ca, cert, key] = await Promise.all([pem.ca, pem.cert, pem.key].map(readPem));
    socket = connectTls({
      ...{ host, port, ca, cert, key, minVersion: "TLSv1.2" },
      ...(isIP(host) === 0 && { servername: host }),
      // The certificate is read even where it is not trusted.
      rejectUnauthorized: false,
    });
    await bounded(`the TLS handshake with ${place}`, limits, (ending) =>
      opened(socket, "secureConnect", ending),
    );
  } catch (error) {
    limits.signal.throwIfAborted();
    return {
      ...{ check, outcome: "failed", text: `${place}: no encrypted connection: ${reasonOf(error)}` },
      remedy:
        "check that the port is the encrypted one, that the server supports TLS 1.2, and mqtt.ca, mqtt.cert and mqtt.key",
    };
  }
  const { valid_from: from, valid_to: to, issuer } = socket.getPeerCertificate();
  const reason = socket.authorizationError && String(socket.authorizationError);
  const days = Math.floor((Date.parse(to) - Date.now()) / DAY_MS);
  const until = `valid until ${dateOf(to)}`;
  const issued = `issued by ${issuer?.O ?? issuer?.CN ?? "an unnamed authority"}`;
  if (reason)
    return {
      ...{ check, outcome: "failed" },
      text: `${place}: its certificate, ${issued}, valid from ${dateOf(from)} to ${dateOf(to)}, is not trusted: ${reason}`,
      remedy: CERTIFICATE_REMEDIES.find(([pattern]) => pattern.test(reason))![1],
    };
  const text = `${place}: certificate ${issued}, ${until}, ${socket.getProtocol()}`;
  return days < SOON_DAYS
    ? { check, outcome: "warning", text, remedy: `renew the server's certificate within ${days} days` }
    : { check, outcome: "ok", text };
}

/** What to do about a certificate, by the reason. */
const CERTIFICATE_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/EXPIRED/, "renew the server's certificate; if it is valid, set this machine's clock"],
  [/NOT_YET_VALID/, "set this machine's clock"],
  [/ALTNAME/, "use the host name that the certificate is for, or issue one for this name"],
  [
    /./,
    "name the file of the authority that signed it: mqtt.ca for a broker, NODE_EXTRA_CA_CERTS for a service; for ChargePoint, something between here and the service (a proxy, a firewall) answers with its own certificate",
  ],
];

function dateOf(text: string): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString().slice(0, 10);
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : await readFile(file);
}

/** Waits until a socket is open. The caller of a TLS socket still reads its certificate, so the end comes after that. */
async function opened(
  socket: Socket,
  event: "connect" | "secureConnect",
  ending: AbortSignal,
): Promise<void> {
  ending.addEventListener("abort", () => socket.destroy(), { once: true });
  try {
    await new Promise<void>((resolve, reject) => socket.once(event, resolve).once("error", reject));
  } finally {
    // Errors after this are of no interest.
    socket.on("error", () => undefined);
    setImmediate(() => socket.destroy());
  }
}

function bounded<T>(
  what: string,
  { timeoutMs: ms, signal }: Limits,
  work: (ending: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline({ clock: systemClock, ms, signal, what }, work);
}

/** Returns the text of an error; Node's AggregateError of a refused connection has only a code. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
