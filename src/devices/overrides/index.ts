export { Overrides } from "./overrides.ts";
