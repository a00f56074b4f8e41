import { createHash } from "node:crypto";

const NAMESPACE = "spBv1.0";

type NodeVerb = "NBIRTH" | "NDEATH" | "NDATA" | "NCMD";
type DeviceVerb = "DBIRTH" | "DDEATH" | "DDATA" | "DCMD";

/** Returns the topic on which a host application publishes whether it is online. */
export function stateTopic(host: string): string {
  return `${NAMESPACE}/STATE/${host}`;
}

/** The topics of an edge node. */
export class NodeTopics {
  readonly #group: string;
  readonly #node: string;

  constructor(group: string, node: string) {
    this.#group = group;
    this.#node = node;
  }

  node(verb: NodeVerb): string {
    return `${NAMESPACE}/${this.#group}/${verb}/${this.#node}`;
  }

  device(verb: DeviceVerb, id: string): string {
    return `${this.node(verb as NodeVerb)}/${id}`;
  }

  /** Returns the device of a command topic; undefined for the node's own. */
  deviceOf(topic: string): string | undefined {
    return topic.split("/")[4];
  }
}

/**
 * Device IDs by device path. `/` divides the levels of a topic, so it becomes `:`. IDs must not differ in case only
 * (chapter 5.3): the second of two such devices has a number of its own at the end, which depends on nothing but its path.
 */
export class DeviceIds {
  readonly #byPath = new Map<string, string>();
  readonly #taken = new Set<string>();

  idOf(path: string): string {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const plain = path.replaceAll("/", ":");
    const id = this.#taken.has(plain.toLowerCase())
      ? `${plain}-${createHash("sha256").update(path).digest("hex").slice(0, 8)}`
      : plain;
    this.#byPath.set(path, id);
    this.#taken.add(id.toLowerCase());
    return id;
  }

  release(path: string): void {
    const id = this.#byPath.get(path);
    if (id === undefined) return;
    this.#byPath.delete(path);
    this.#taken.delete(id.toLowerCase());
  }
}
