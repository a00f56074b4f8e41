export { SiteLimits } from "./site-limits.ts";
