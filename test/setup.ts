import { afterEach } from "vitest";
import { endings } from "./helpers/endings.ts";

// Here and not beside the list, which a process loads once for many files; this is run for each.
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
