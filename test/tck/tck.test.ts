// The public TCK of Sparkplug 3.0.0 judges a bridge. It needs a HiveMQ CE with the TCK's extension on port 1883, which its own
// clients connect to: SPARKPLUG_TCK=mqtt://127.0.0.1:1883 npx vitest run test/tck. Skipped elsewhere; see docs/sparkplug.md.
import mqtt from "mqtt";
import { describe, expect, it, onTestFinished } from "vitest";
import { startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const url = process.env.SPARKPLUG_TCK;
const [HOST, GROUP, DEVICE] = ["scada", "campus", "site:s1"];

/** Time after which a test is ended from here, in milliseconds. */
const LONGEST_MS = 60_000;

describe.skipIf(url === undefined)("the public TCK", () => {
  // Those of complex data and of several brokers are about what the bridge does not offer.
  it.each(["SessionEstablishment", "SessionTermination", "SendData", "ReceiveCommand", "PrimaryHost"])(
    "edge %s",
    { timeout: 2 * LONGEST_MS },
    async (name) => {
      // The TCK remembers the bdSeq of an edge node as long as its broker runs.
      const node = `bridge-${Date.now()}`;
      const console = await mqtt.connectAsync(url!);
      onTestFinished(() => console.endAsync(true));
      const heard: { topic: string; text: string }[] = [];
      console.on("message", (topic, bytes) => heard.push({ topic, text: bytes.toString() }));
      await console.subscribeAsync([
        ...["SPARKPLUG_TCK/RESULT", "SPARKPLUG_TCK/LOG"],
        `spBv1.0/${GROUP}/DBIRTH/${node}/#`,
        `spBv1.0/${GROUP}/DDEATH/${node}/#`,
      ]);
      const order = (text: string) => console.publishAsync("SPARKPLUG_TCK/TEST_CONTROL", text, { qos: 1 });
      const came = (pattern: RegExp) =>
        eventually(() => {
          const found = heard.find(({ topic }) => pattern.test(topic));
          if (!found)
            throw new Error(
              `nothing on ${pattern}; the TCK says:\n${heard.map(({ text }) => text).join("\n")}`,
            );
          return found.text;
        }, LONGEST_MS);

      const simulator = await startSimulator({ stations: 1, traffic: true, incidents: false });
      onTestFinished(() => simulator.close());
      const { endpoint, username, password, stationIDs } = simulator;
      const site = new Site({
        ...{ endpoint, username, password, stationIDs },
        bridge: {
          ...{ instance: node, mqtt: { url }, historian: { backend: "none" } },
          integrations: { sparkplug: { enabled: true, group: GROUP, primary_host: HOST } },
        },
      });
      onTestFinished(() => site.remove());
      await order(`NEW_TEST edge ${name} ${HOST} ${GROUP} ${node} ${DEVICE}`);
      const bridge = new RunningVoltbridge(["run", "--config", site.config]);
      onTestFinished(() => void bridge.stop("SIGKILL"));
      await came(/DBIRTH/);
      if (name === "SessionTermination") {
        await simulator.close();
        await came(/DDEATH/);
        await bridge.stop();
      }
      const late = setTimeout(() => void order("END_TEST"), LONGEST_MS / 2);
      onTestFinished(() => clearTimeout(late));
      const result = await came(/RESULT$/);
      expect(result).toMatch(/OVERALL: PASS/);
      expect(result).not.toMatch(/: FAIL/);
    },
  );
});
