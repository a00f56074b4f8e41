import type { Aedes, AedesPublishPacket, Client, PublishPacket, SubscribePacket } from "aedes";

/** Maximum number of QoS 2 messages of a client that wait for their PUBREL. */
const MAXIMUM_UNRELEASED = 1000;
/** MQTT 5 §3.14.2.1: "Receive Maximum exceeded". */
const RECEIVE_MAXIMUM_EXCEEDED = 0x93;
/** Upper bound of a PUBLISH without topic, properties and payload: fixed header, lengths, and packet id (MQTT 5 §3.3), in bytes. */
const PUBLISH_OVERHEAD = 13;

type Incoming = PublishPacket | SubscribePacket | { readonly cmd: "pubrel"; readonly messageId: number };

/** Members of a client of Aedes 2.0.0-beta.1 that its types do not have. */
interface ClientInside {
  subscriptions: object;
  duplicates: object;
  readonly broker: BrokerInside;
  readonly _parser: NodeJS.EventEmitter;
}

interface BrokerInside {
  clients: object;
  brokers: object;
  readonly persistence: {
    incomingDelPacket(client: Client, packet: { readonly messageId: number }): Promise<void>;
  };
}

/**
 * Corrections of Aedes 1.2.0 that 2.0.0-beta.1, which is older, does not have (GHSA-52qw-whmv-87c5): names such as
 * `__proto__` from a client must not reach an object's prototype, and a second PUBREL must not end the process.
 */
export function guardBroker(aedes: Aedes): void {
  const inside = aedes as unknown as BrokerInside;
  inside.clients = Object.create(null);
  inside.brokers = Object.create(null);
  const { persistence } = inside;
  const remove = persistence.incomingDelPacket.bind(persistence);
  // It rejects where the message was released before; Aedes does not handle that.
  persistence.incomingDelPacket = (client, packet) => remove(client, packet).catch(() => undefined);
}

/** The same for one client: names, and a bound on the QoS 2 messages that the broker keeps for it. */
export function guardClient(client: Client): void {
  const inside = client as unknown as ClientInside;
  inside.subscriptions = Object.create(null);
  inside.duplicates = Object.create(null);
  const unreleased = new Set<number>();
  // Before Aedes's own listener.
  inside._parser.prependListener("packet", (packet: Incoming) => {
    if (packet.cmd === "pubrel") unreleased.delete(packet.messageId);
    else if (packet.cmd === "publish" && packet.qos === 2) {
      unreleased.add(packet.messageId!);
      if (unreleased.size > MAXIMUM_UNRELEASED) client.disconnect({ reasonCode: RECEIVE_MAXIMUM_EXCEEDED });
    } else if (
      packet.cmd === "subscribe" &&
      packet.subscriptions.some(({ topic }) => topic === "__proto__")
    ) {
      packet.subscriptions = [];
      client.conn.destroy();
    }
  });
  client.conn.once("close", () => {
    if (!client.clean) return;
    for (const messageId of unreleased)
      void inside.broker.persistence.incomingDelPacket(client, { messageId });
  });
}

/** Whether a message is within what the client takes, which Aedes leaves to its user (MQTT 5 §3.1.2.11.4). */
export function fits({ maximumPacketSize }: Client, packet: AedesPublishPacket): boolean {
  if (maximumPacketSize === undefined) return true;
  const { topic, payload, properties = {} } = packet;
  let size = PUBLISH_OVERHEAD + Buffer.byteLength(topic) + Buffer.byteLength(payload);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "userProperties")
      for (const [key, values] of Object.entries(value as Record<string, string | string[]>))
        for (const one of [values].flat()) size += 5 + Buffer.byteLength(key) + Buffer.byteLength(one);
    else size += typeof value === "string" || Buffer.isBuffer(value) ? 3 + Buffer.byteLength(value) : 5;
  }
  return size <= maximumPacketSize;
}
