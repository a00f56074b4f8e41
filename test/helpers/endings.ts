import { Mosquitto, type MosquittoOptions } from "./mosquitto.ts";

/** What is to be ended after the test, the last first; test/setup.ts sees to it for every file. */
export const endings: (() => unknown)[] = [];

/** A broker until the end of the test. */
export async function broker(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await Mosquitto.run(options);
  endings.push(() => mosquitto.dispose());
  return mosquitto;
}
