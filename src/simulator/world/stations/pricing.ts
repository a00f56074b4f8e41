/** What a session costs (guide §7.1.3). Prices are in the currency of the site, tax included. */
export interface PricingRule {
  readonly name: string;
  readonly type: "kWh" | "Hourly" | "Session";
  readonly minPrice: number;
  readonly maxPrice: number;
  /** Each 0 where the rule does not use it. */
  readonly perHour: number;
  readonly perHourThereafter: number;
  readonly forFirst: number;
  /** Minutes of the first portion. */
  readonly firstMinutes: number;
  readonly perSession: number;
  readonly perKWh: number;
}

const free = { perHour: 0, perHourThereafter: 0, forFirst: 0, firstMinutes: 0, perSession: 0, perKWh: 0 };

export const PRICING_RULES: readonly PricingRule[] = [
  { ...free, name: "Energy", type: "kWh", minPrice: 0, maxPrice: 40, perKWh: 0.25 },
  {
    ...free,
    name: "Four hours, then idle fee",
    type: "Hourly",
    minPrice: 1,
    maxPrice: 30,
    perHour: 1.5,
    forFirst: 1.5,
    firstMinutes: 240,
    perHourThereafter: 5,
  },
  { ...free, name: "Flat", type: "Session", minPrice: 4, maxPrice: 4, perSession: 4 },
  { ...free, name: "By the hour", type: "Hourly", minPrice: 0.5, maxPrice: 20, perHour: 1.2 },
];

/** Returns the price of a session from its hours plugged in and its kWh, rounded to whole cents. */
export function feeOf(rule: PricingRule, { hours, kwh }: { hours: number; kwh: number }): number {
  const firstHours = Math.min(hours, rule.firstMinutes / 60);
  const byTime = rule.forFirst * firstHours + (rule.perHourThereafter || rule.perHour) * (hours - firstHours);
  const sum = rule.perSession + rule.perKWh * kwh + byTime;
  return cents(Math.min(rule.maxPrice, Math.max(rule.minPrice, sum)));
}

export interface Settlement {
  /** Paid by the driver. */
  readonly gross: number;
  /** Part of `gross`. */
  readonly tax: number;
  readonly net: number;
  readonly serviceFee: number;
  /** What the owner gets: `gross` less `serviceFee`. */
  readonly revenue: number;
}

const SERVICE_FEE_SHARE = 0.1;

/** Splits a fee; `taxRate` is a share of the net amount. */
export function settle(gross: number, taxRate: number): Settlement {
  const net = cents(gross / (1 + taxRate));
  const serviceFee = cents(gross * SERVICE_FEE_SHARE);
  return { gross, tax: cents(gross - net), net, serviceFee, revenue: cents(gross - serviceFee) };
}

function cents(amount: number): number {
  return Math.round(amount * 100 + 1e-7) / 100;
}
