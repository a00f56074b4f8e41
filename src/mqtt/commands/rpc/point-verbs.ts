import type { PointValue } from "../../../points/index.ts";
import type { PointTarget } from "../../topics.ts";
import { shorten } from "../command-payload.ts";
import { errorText } from "../volttron-errors.ts";
import { BadParamsError, type Params, targetOf } from "./params.ts";
import { type Call, MOST_POINTS, serviceCode, succeeded, type Verb } from "./verb.ts";

const POINT = ["path", "point_name"] as const;
const ACTUATOR_POINT = ["topic", "point"] as const;

/** Verbs that read and write points: of VOLTTRON's platform driver, and in the forms of its actuator. */
export const pointVerbs: Readonly<Record<string, Verb>> = {
  get_point: {
    params: POINT,
    named: ACTUATOR_POINT,
    call(params, { commands, signal }) {
      const { path, point } = params.point();
      return commands.get(path, point, signal);
    },
  },
  set_point: {
    params: [...POINT, "value"],
    actuator: ["requester_id", "topic", "value", "point"],
    named: ["duration_minutes"],
    write: "set",
    call(params, { commands, command }) {
      const { path, point } = params.point();
      const value = params.raw("value");
      if (value === undefined) throw params.wrong('"value" is missing');
      const minutes = params.number("duration_minutes");
      const timed = minutes === undefined ? command : { ...command, durationMinutes: minutes };
      return commands.set(path, point, value, timed);
    },
  },
  scrape_all: {
    params: ["path"],
    named: ["topic"],
    async call(params, { control, signal }) {
      const scrape = await control.scrapeAll(params.device(), signal);
      return Object.fromEntries(scrape.values);
    },
  },
  get_multiple_points: {
    params: ["path", "point_names"],
    actuator: ["topics"],
    async call(params, { commands, answers, signal }) {
      const read = ({ path, point }: PointTarget) => commands.get(path, point, signal);
      return collected(await Promise.all(elementsToRead(params).map((one) => settled(one, read))), answers);
    },
  },
  set_multiple_points: {
    params: ["path", "point_names_values"],
    actuator: ["requester_id", "topics_values"],
    async call(params, { commands, command, answers }) {
      const elements = elementsToWrite(params);
      // As VOLTTRON's actuator does: every device is checked before the first write.
      const refusal = refusalOf(elements, (path, point) => commands.checkFree(path, point, command));
      const asked = { ...command, ...(refusal && { refusal }) };
      const all = elements.map((element) =>
        settled(element, async ({ path, point }) => {
          const id = `${command.id}/${element.name}`;
          return succeeded(await commands.set(path, point, element.value ?? null, { ...asked, id }));
        }),
      );
      const [, errors] = collected(await Promise.all(all), answers);
      if (refusal && Object.keys(errors).length > 0) throw refusal;
      return errors;
    },
  },
  revert_point: {
    params: POINT,
    actuator: ["requester_id", ...ACTUATOR_POINT],
    write: "revert",
    call(params, { commands, command }) {
      const { path, point } = params.point();
      return commands.revertPoint(path, point, command);
    },
  },
  revert_device: {
    params: ["path"],
    actuator: ["requester_id", "topic"],
    write: "revert",
    call: (params, { commands, command }) => commands.revertDevice(params.device(), command),
  },
};

/** A point of a call for many. */
interface Element {
  /** Under which the answer shows it. */
  readonly name: string;
  /** Undefined where the element names no point. */
  readonly target: PointTarget | undefined;
  readonly value?: PointValue;
}

/** Returns the points of `path` and `point_names`, or of `topics`. */
function elementsToRead(params: Params): Element[] {
  if (params.has("topics")) return params.list("topics", MOST_POINTS).map((topic) => elementOf(topic));
  const path = params.device();
  return params.list("point_names", MOST_POINTS).map((name) => elementOf(name, path));
}

/** Returns the points and values of `path` and `point_names_values`, or of `topics_values`. */
function elementsToWrite(params: Params): Element[] {
  const list = params.has("topics_values") ? "topics_values" : "point_names_values";
  const path = list === "topics_values" ? undefined : params.device();
  return params.list(list, MOST_POINTS).map((item) => {
    if (!Array.isArray(item) || item.length !== 2)
      throw params.wrong(`${shorten(JSON.stringify(item))} is not a point with its value`);
    return { ...elementOf(item[0]!, path), value: item[1]! };
  });
}

/** Returns the point of a name on the device `path`; without one, of a topic or a `[device, point]` pair. */
function elementOf(item: PointValue, path?: string): Element {
  const text = typeof item === "string" ? item : shorten(JSON.stringify(item));
  if (path !== undefined)
    return { name: text, target: typeof item === "string" ? { path, point: item } : undefined };
  const target = targetOf(item);
  return { name: target ? `${target.path}/${target.point}` : text, target };
}

/** Returns why a batch is refused as a whole, if it is. */
function refusalOf(
  elements: readonly Element[],
  check: (path: string, point: string) => void,
): Error | undefined {
  try {
    for (const { target } of elements) if (target) check(target.path, target.point);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

interface Settled {
  readonly element: Element;
  readonly value?: unknown;
  readonly error?: Error;
}

/** Resolves with what became of one element: one that fails does not stop the others. */
async function settled(element: Element, work: (target: PointTarget) => Promise<unknown>): Promise<Settled> {
  try {
    if (!element.target)
      throw new BadParamsError("this names no point; expected <device path>/<point>, or [device, point]");
    return { element, value: await work(element.target) };
  } catch (error) {
    return { element, error: error as Error };
  }
}

/**
 * Returns VOLTTRON's `[results, errors]`. VOLTTRON's own names are whole topics, in the driver's form too, and its errors are
 * Python's `repr`.
 */
function collected(
  all: readonly Settled[],
  answers: Call["answers"],
): [results: object, errors: Record<string, string>] {
  const nameOf = ({ name, target }: Element) =>
    answers === "volttron" && target ? `${target.path}/${target.point}` : name;
  const textOf = (error: Error) =>
    answers === "volttron"
      ? errorText(error.name, error.message, serviceCode(error))
      : `${error.name}: ${error.message}`;
  return [
    Object.fromEntries(all.flatMap(({ element, value, error }) => (error ? [] : [[nameOf(element), value]]))),
    Object.fromEntries(
      all.flatMap(({ element, error }) => (error ? [[nameOf(element), textOf(error)]] : [])),
    ),
  ];
}
