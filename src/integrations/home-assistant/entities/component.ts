import type { Topics } from "../../../mqtt/topics.ts";
import type { PointValue } from "../../../points/index.ts";

/** What the documents of a device depend on besides the device. */
export interface DocumentContext {
  readonly instance: string;
  readonly version: string;
  readonly topics: Topics;
  readonly mqtt: {
    readonly state: "json" | "attribute" | "both" | "off";
    readonly noLimit: "null" | "zero";
    readonly stateRefreshSeconds: number;
  };
  /** Of the connection to the broker. */
  readonly protocolVersion: 4 | 5;
  /** Whether points with personal data become entities. Default: no. */
  readonly personal?: boolean;
  /** Last values of the points that `valuesNeeded` names; those of others change nothing. */
  readonly latest?: ReadonlyMap<string, PointValue>;
  /** Ports of the station whose lifetime energy is published. */
  readonly energyPorts?: ReadonlySet<string>;
  /** Id of the device where several have the same station; see `objectIds`. */
  readonly objectId?: string;
}

/** What a message on a component's command topic asks for. */
export type ComponentCommand =
  /** Write the message's value, or `value`, to the point. */
  | { readonly action: "set"; readonly point: string; readonly value?: PointValue }
  /** Revert the point. */
  | { readonly action: "revert"; readonly point: string }
  /** Keep the message's number as the minutes that later limits of the device last; 0: until they are cleared. */
  | { readonly action: "duration" };

/** An entity of Home Assistant. */
export interface Component {
  /** Unique in its document; the same for as long as the station has this value. */
  readonly key: string;
  readonly platform: "sensor" | "binary_sensor" | "number" | "switch" | "button" | "event";
  /** Keys of the platform, in full, without those that all components of the document share. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Absent: it is of no single point. */
  readonly point?: string;
  /** Absent: it takes no commands. Its messages come on `config.command_topic`. */
  readonly command?: ComponentCommand;
}

/** An entity that Home Assistant would refuse, or take and show wrongly. */
export interface RefusedComponent {
  /** Its key; `*` for all of the document. */
  readonly component: string;
  readonly point?: string;
  /** Name of the rule. */
  readonly rule: string;
  /** What is wrong and what to do, for people. */
  readonly text: string;
}

/** An entity before it has an id and a name that no other of its device has. */
export interface Draft extends Omit<Component, "config"> {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}
