import type { IncomingMessage } from "node:http";
import { wsdl } from "../../drivers/chargepoint/api/schema/wsdl.ts";

const MOST_KEPT = 16;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** Serves the WSDL of the service, with the address by which each caller reaches it. */
export class Wsdl {
  readonly #path: string;
  readonly #kept = new Map<string, string>();

  /** `path` is that of the service. */
  constructor(path: string) {
    this.#path = path;
  }

  for(request: IncomingMessage): string {
    const { host = "" } = request.headers;
    const { localAddress = "", localPort } = request.socket;
    const own = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
    const reached = HOST.test(host) ? host : `${own}:${localPort}`;
    const kept = this.#kept.get(reached);
    if (kept !== undefined) return kept;
    const made = wsdl({ endpoint: `http://${reached}${this.#path}` });
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(reached, made);
    return made;
  }
}
