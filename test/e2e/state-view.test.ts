import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { type Recorded, Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

const REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes
network,networkStatus,StationStatusRegister,,string,,,,
lastWord_1,TimeStamp,StationStatusRegister,1,datetime,,,,
shedState_1,shedState,LoadRegister,1,integer,,,,
limit,allowedLoad,LoadRegister,,float,kW,,TRUE,
limit_1,allowedLoad,LoadRegister,1,float,kW,,TRUE,
percent_1,percentShed,LoadRegister,1,integer,percent,,TRUE,
`;
const STATE = "state/site/s1";
const ALL = "devices/site/s1/all";
type State = Record<string, unknown>;

describe.each(["null", "zero"] as const)(
  "the state view of a ChargePoint station, no_limit %s",
  (noLimit) => {
    const none = noLimit === "null" ? null : 0;
    let simulator: Simulator;
    let site: Site;
    let bridge: RunningCli;
    let ear: Recorder;
    let url: string;
    const set = (point: string, value: string) => cli(["set", `site/s1/${point}`, value, "--url", url]);
    /** The first state that has these values, of those that came since `from`. */
    const state = async (wanted: State, from = 0) => {
      const fits = ({ text }: Recorded) => {
        const told = JSON.parse(text) as State;
        return Object.entries(wanted).every(([key, value]) => told[key] === value);
      };
      await ear.find(STATE, fits, from);
    };

    beforeAll(async () => {
      // The time of a station's last word moves with every scrape then.
      simulator = await startSimulator({ stations: 2, traffic: false, incidents: false, speed: 120 });
      const { endpoint, username, password, stationIDs } = simulator;
      const port = await freePort();
      url = `mqtt://127.0.0.1:${port}`;
      const mqtt = { embedded: { port }, no_limit: noLimit };
      site = new Site({
        ...{ endpoint, username, password, stationIDs: stationIDs.slice(0, 1) },
        bridge: { mqtt, historian: { backend: "none" } },
        device: { registry_config: "config://state.csv" },
      });
      site.write("registry/state.csv", REGISTRY);
      bridge = new RunningCli(["run", "--config", site.config]);
      await bridge.printed(/running/);
      ear = await Recorder.connect(url);
    });
    afterAll(async () => {
      await ear?.close();
      await bridge?.stop();
      await simulator?.close();
      site?.remove();
    });

    test(`where there is no limit it says ${none}; VOLTTRON's topic says 0`, async () => {
      await state({ shedState_1: 0, limit: none, limit_1: none, percent_1: none });
      const { text } = await ear.find(ALL);
      expect(JSON.parse(text)[0]).toMatchObject({ limit: 0, limit_1: 0, percent_1: 0 });
    });

    test("a limit of 0 kW is 0, and no percentage beside it", async () => {
      await set("limit_1", "0");
      await state({ shedState_1: 1, limit: 0, limit_1: 0, percent_1: none });
      await set("percent_1", "40");
      await state({ shedState_1: 1, limit: none, limit_1: none, percent_1: 40 });
    });

    test("a time that moves with every scrape is told with the next real change", async () => {
      await ear.find(ALL, undefined, ear.messages.length);
      const before = JSON.parse(ear.on(STATE).at(-1)!.text).lastWord_1;
      const [from, scrapes] = [ear.messages.length, ear.on(ALL).length];
      const scraped = () =>
        ear
          .on(ALL)
          .slice(scrapes)
          .map(({ text }) => JSON.parse(text)[0].lastWord_1);
      await expect.poll(() => new Set(scraped()).size).toBeGreaterThan(2);
      expect(ear.messages.slice(from).filter(({ topic }) => topic === STATE)).toEqual([]);
      await set("percent_1", "50");
      const told = (await ear.find(STATE, undefined, from)) as Recorded;
      const { lastWord_1 } = JSON.parse(told.text);
      expect(lastWord_1).not.toBe(before);
      await expect.poll(scraped).toContain(lastWord_1);
    });

    test("H3: a station that its network cannot reach is offline, until it can", async () => {
      const from = ear.messages.length;
      const availability = (word: string) =>
        ear.find(`${STATE}/availability`, ({ text }) => text === word, from);
      simulator.world.disconnect(simulator.stationIDs[0]!);
      await Promise.all([
        availability("offline"),
        state({ network: "UNREACHABLE", quality: "offline" }, from),
      ]);
      simulator.world.reconnect(simulator.stationIDs[0]!);
      const then = ear.messages.length;
      await Promise.all([availability("online"), state({ network: "REACHABLE", quality: "good" }, then)]);
      expect(JSON.parse((await ear.find(ALL)).text)[0].network).toBe("REACHABLE");
    });
  },
);
