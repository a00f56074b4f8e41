import { JsonDocument } from "../../config/files/json-document.ts";
import { checkValue } from "../../config/schema/check.ts";
import type { Schema } from "../../config/schema/schema.ts";
import { SteppedClock } from "../clock.ts";
import { HttpRefusal } from "../http/request-body.ts";
import { TroubleRulesError } from "../trouble/rules.ts";
import type { PlannedVisit } from "../world/sessions/visit.ts";
import { portLoadKw, shedReading, stationLoadKw } from "../world/stations/station.ts";
import type { World } from "../world/world.ts";
import type { Controlled, ControlRequest } from "./part.ts";

const text: Schema = { type: "string", minLength: 1 };
const amount: Schema = { type: "number", exclusiveMinimum: 0 };
const station = { stationID: text };
const port = { ...station, portNumber: text };

/** The parameters of an action, as far as it uses them. */
interface Order extends PlannedVisit {
  readonly stationID: string;
  readonly portNumber: string;
  readonly type: string;
  readonly fault?: string;
}

interface Action {
  readonly needs: Readonly<Record<string, Schema>>;
  readonly takes?: Readonly<Record<string, Schema>>;
  act(world: World, order: Order): void;
}

/** What can be done to the world, by name, with what each action requires and accepts. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  plugIn: {
    needs: port,
    takes: {
      kw: amount,
      needKwh: amount,
      taperFromKwh: amount,
      stayMinutes: amount,
      driverNumber: { type: "integer", minimum: 0 },
    },
    act: (world, order) => void world.plugIn(order.stationID, order.portNumber, order),
  },
  unplug: { needs: port, act: (world, { stationID, portNumber }) => world.unplug(stationID, portNumber) },
  disconnect: { needs: station, act: (world, { stationID }) => world.disconnect(stationID) },
  reconnect: { needs: station, act: (world, { stationID }) => world.reconnect(stationID) },
  breakDown: {
    needs: port,
    takes: { fault: text },
    act: (world, { stationID, portNumber, fault }) => world.breakDown(stationID, portNumber, fault),
  },
  repair: { needs: port, act: (world, { stationID, portNumber }) => world.repair(stationID, portNumber) },
  remove: { needs: station, act: (world, { stationID }) => world.remove(stationID) },
  add: { needs: station, act: (world, { stationID }) => world.add(stationID) },
  raiseAlarm: {
    needs: { ...station, type: text },
    takes: { portNumber: text },
    act: (world, { stationID, type, portNumber }) => world.raiseAlarm(stationID, type, portNumber),
  },
  clearAlarms: {
    needs: station,
    takes: { type: text, portNumber: text },
    act: (world, order) =>
      void world.clearAlarms(
        (alarm) =>
          alarm.stationID === order.stationID &&
          (order.type === undefined || alarm.type === order.type) &&
          (order.portNumber === undefined || alarm.portNumber === order.portNumber),
      ),
  },
};

/**
 * GET: the time and the numbers of the world; with `stationID`, the actual state of that station, regardless of its
 * answers. POST `{"action": …}`: plugs a vehicle in or out, …, and returns the actual state of the station after it;
 * `advance` moves a stepped clock by `seconds`.
 */
export function controlWorld(controlled: Controlled, { method, query, body }: ControlRequest): unknown {
  const { world, clock } = controlled;
  world.catchUp();
  if (method === "GET") {
    const stationID = query.get("stationID");
    return stationID === null ? overview(controlled) : truth(world, stationID);
  }
  const order = readOrder(body);
  if (order.action === "advance") {
    if (!(clock instanceof SteppedClock)) {
      throw new HttpRefusal(
        409,
        "this clock runs by itself; start the simulator with a stepped one to advance it",
      );
    }
    clock.advance(order.seconds as number);
    world.catchUp();
    return overview(controlled);
  }
  const given = order as unknown as Order;
  try {
    ACTIONS[order.action as string]!.act(world, given);
  } catch (error) {
    throw new HttpRefusal(409, (error as Error).message);
  }
  return order.action === "remove" ? overview(controlled) : truth(world, given.stationID);
}

/** @throws TroubleRulesError */
function readOrder(body: string): Readonly<Record<string, unknown>> {
  const document = new JsonDocument("request", body);
  if (document.problems.length > 0) throw new TroubleRulesError(document.problems);
  const { value } = document;
  const problems = checkValue(document, value, orderSchema(value));
  if (problems.length > 0) throw new TroubleRulesError(problems);
  return value as Readonly<Record<string, unknown>>;
}

function orderSchema(raw: unknown): Schema {
  const names = [...Object.keys(ACTIONS), "advance"];
  const name = (raw as { action?: unknown } | null)?.action;
  const action = typeof name === "string" && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  const needs = name === "advance" ? { seconds: { type: "number", minimum: 0 } } : (action?.needs ?? {});
  return {
    type: "object",
    required: ["action", ...Object.keys(needs)],
    additionalProperties: typeof name !== "string" || !names.includes(name),
    properties: { action: { enum: names }, ...needs, ...action?.takes },
  };
}

function overview({ world, clock }: Controlled): unknown {
  return {
    now: new Date(world.now).toISOString(),
    stepped: clock instanceof SteppedClock,
    stations: world.stations.filter(({ id }) => world.findStation(id)).length,
    vehicles: world.stations.flatMap(({ ports }) => ports).filter(({ session }) => session !== null).length,
    alarms: world.alarms.length,
  };
}

function truth(world: World, stationID: string): unknown {
  const found = world.findStation(stationID);
  if (!found) throw new HttpRefusal(404, `there is no station ${stationID}`);
  const { now } = world;
  return {
    now: new Date(now).toISOString(),
    stationID,
    reachable: found.unreachableSince === null,
    loadKw: stationLoadKw(found, now),
    ports: found.ports.map((at) => ({
      portNumber: at.number,
      loadKw: portLoadKw(at, now),
      sessionID: at.session === null ? null : String(at.session.id),
      energyKwh: at.session?.kwhAt(now) ?? null,
      fault: at.fault,
      ...shedReading(at),
    })),
  };
}
