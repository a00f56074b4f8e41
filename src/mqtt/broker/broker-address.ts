import { readFile } from "node:fs/promises";
import type { IClientOptions } from "mqtt";
import type { MqttSettings } from "../../config/index.ts";

/** Settings of the broker's address and the login. */
export type BrokerAddress = Pick<
  MqttSettings,
  "url" | "embedded" | "username" | "password" | "ca" | "cert" | "key" | "protocolVersion"
>;

/** Returns the URL without user and password, for messages; that of the embedded broker where there is one. */
export function brokerUrl(address: BrokerAddress): string {
  const url = parsed(address);
  url.username = "";
  url.password = "";
  return url.href.replace(/\/$/, "");
}

/** Returns the name to log in with, if there is one. */
export function userOf(address: BrokerAddress): string | undefined {
  return address.username ?? (decodeURIComponent(parsed(address).username) || undefined);
}

/** Returns the name of the version that a protocol level stands for. */
export function versionName(version: 4 | 5): string {
  return version === 5 ? "5" : "3.1.1";
}

/** Returns mqtt.js's options for the address. Rejects where a PEM file cannot be read or would not be used. */
export async function addressOptions(address: BrokerAddress): Promise<IClientOptions> {
  const url = parsed(address);
  const protocol = url.protocol.slice(0, -1);
  const secure = protocol === "mqtts" || protocol === "wss";
  if (!secure && (address.ca ?? address.cert ?? address.key) !== undefined)
    throw new Error(
      `mqtt.ca, mqtt.cert and mqtt.key need an encrypted connection, but mqtt.url is ${brokerUrl(address)}; ` +
        `write ${protocol === "ws" ? "wss" : "mqtts"}:// there, or take them out`,
    );
  const username = userOf(address);
  const password = address.password ?? decodeURIComponent(url.password);
  return {
    protocol: protocol as NonNullable<IClientOptions["protocol"]>,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(url.port !== "" && { port: Number(url.port) }),
    path: `${url.pathname || "/"}${url.search}`,
    ...(username !== undefined && { username }),
    ...(password !== "" && { password }),
    ...(secure && {
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
      ...(await pem("ca", address.ca)),
      ...(await pem("cert", address.cert)),
      ...(await pem("key", address.key)),
    }),
  };
}

function parsed(address: BrokerAddress): URL {
  if (!address.embedded) return new URL(address.url);
  const { host, port } = address.embedded;
  const reachable = host === "0.0.0.0" || host === "" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return new URL(`mqtt://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`);
}

async function pem(setting: "ca" | "cert" | "key", file: string | undefined): Promise<object> {
  if (file === undefined) return {};
  try {
    return { [setting]: await readFile(file) };
  } catch (cause) {
    throw new Error(`mqtt.${setting}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}
