import { afterEach } from "vitest";
import { Mosquitto, type MosquittoOptions } from "./mosquitto.ts";

/** What is to be ended after each test of the file that imports this, the last first. */
export const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A broker until the end of the test. */
export async function broker(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await Mosquitto.run(options);
  endings.push(() => mosquitto.dispose());
  return mosquitto;
}
