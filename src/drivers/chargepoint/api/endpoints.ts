const at = (host: string): string => `https://${host}/webservices/chargepoint/services/5.1`;

/** Endpoints by region (guide §2.1). */
export const REGIONS = {
  NA: at("webservices.chargepoint.com"),
  "NA-QA": at("webservices.ev-chargepoint.com"),
  EU: at("webservices-eu.chargepoint.com"),
  "EU-QA": at("webservices-eu.ev-chargepoint.com"),
  CA: at("webservices-ca.chargepoint.com"),
} as const;

export type Region = keyof typeof REGIONS;

/**
 * Returns the endpoint to call: the one given, else the region's, else that of NA.
 * @throws TypeError for an unknown region, and for an endpoint that is not an http(s) URL or contains credentials.
 */
export function endpointFor(where: { readonly region?: string; readonly endpoint?: string }): string {
  if (where.endpoint !== undefined) return checkEndpoint(where.endpoint).href;
  const region = where.region ?? "NA";
  if (Object.hasOwn(REGIONS, region)) return REGIONS[region as Region];
  throw new TypeError(
    `"${region}" is not a ChargePoint region: expected one of ${Object.keys(REGIONS).join(", ")}`,
  );
}

/** Returns the region of an endpoint; null where it is not a region's. */
export function regionOf(endpoint: string): Region | null {
  const found = Object.entries(REGIONS).find(([, url]) => url === endpoint);
  return found ? (found[0] as Region) : null;
}

/** Returns the endpoint as a URL. Messages do not repeat it, because it may contain a password. */
export function checkEndpoint(endpoint: string): URL {
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("the ChargePoint endpoint must be an https:// or http:// URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(
      "the ChargePoint endpoint must not hold credentials: give username and password instead",
    );
  }
  return url;
}
