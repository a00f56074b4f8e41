import { anyValue } from "../../kit/format.ts";

/** A limit in the book of the bridge, as `GET holds` has it. */
export interface HeldLimit {
  readonly device: string;
  readonly point: string;
  readonly port: string | null;
  readonly value: unknown;
  readonly units: string;
  readonly requester: string;
  readonly state: "sent" | "in_force" | "unknown" | "ended";
  readonly since: string;
  readonly endsAt: string | null;
  readonly leaseSeconds: number | null;
  readonly renewals: number;
}

export const keyOf = ({ device, point }: HeldLimit): string => `${device}/${point}`;

/** `3 kW`, `50 %` */
export function limitValue({ value, units }: Pick<HeldLimit, "value" | "units">): string {
  return `${anyValue(value)} ${units === "percent" ? "%" : units}`.trim();
}

export const portText = ({ port }: Pick<HeldLimit, "port">): string => port ?? "all";
