import { BlockList, isIP, isIPv6 } from "node:net";
import type { SentInClear } from "./schema/schema.ts";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

/** Returns whether a host of a URL, or an address to listen on, is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(address) === 0) return /^(.+\.)?localhost\.?$/i.test(address);
  return LOOPBACK.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** `x-sends-in-clear` of settings whose `endpoint` may be an http:// URL. */
export function endpointInClear({ endpoint = "" }: { readonly endpoint?: string }): SentInClear | undefined {
  const url = URL.parse(endpoint);
  if (url?.protocol !== "http:" || isLoopback(url.hostname)) return undefined;
  return { setting: "endpoint", host: url.host, remedy: "write https:// where the service offers it" };
}
