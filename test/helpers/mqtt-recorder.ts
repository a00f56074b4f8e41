import type { Socket } from "node:net";
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";

export interface Recorded {
  readonly topic: string;
  readonly text: string;
  readonly retained: boolean;
  readonly qos: number;
  /** When it came. Milliseconds since 1970. */
  readonly at: number;
  readonly properties: NonNullable<IPublishPacket["properties"]>;
}

/** A client of its own that notes every message, to be waited for. */
export class Recorder {
  readonly messages: Recorded[] = [];
  readonly client: MqttClient;
  #wake: (() => void)[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (topic, payload, packet) => {
      this.messages.push({
        topic,
        text: payload.toString(),
        retained: packet.retain,
        qos: packet.qos,
        at: Date.now(),
        properties: packet.properties ?? {},
      });
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  static async connect(url: string, options: IClientOptions = {}, filter = "#"): Promise<Recorder> {
    const client = mqtt.connect(url, { reconnectPeriod: 100, connectTimeout: 2000, ...options });
    const recorder = new Recorder(client);
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", reject);
    });
    (client.stream as Socket).setNoDelay(true);
    await client.subscribeAsync(filter, { qos: 1 });
    return recorder;
  }

  on(topic: string): Recorded[] {
    return this.messages.filter((message) => message.topic === topic);
  }

  /** The first message on the topic (that passes), come or coming, not before position `from` of `messages`. */
  async find(
    topic: string,
    passes: (message: Recorded) => boolean = () => true,
    from = 0,
    deadlineMs = 15_000,
  ): Promise<Recorded> {
    const end = Date.now() + deadlineMs;
    for (;;) {
      const found = this.messages.slice(from).find((message) => message.topic === topic && passes(message));
      if (found) return found;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no such message on ${topic}; came: ${this.#summary()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async json(topic: string, passes?: (message: Recorded) => boolean, from?: number): Promise<unknown> {
    return JSON.parse((await this.find(topic, passes, from)).text);
  }

  async send(
    topic: string,
    payload: string | Buffer,
    options: { retain?: boolean; properties?: IPublishPacket["properties"] } = {},
  ): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, ...options });
  }

  close(): Promise<void> {
    return this.client.endAsync(true);
  }

  #summary(): string {
    return this.messages.map((message) => `${message.topic} ${message.text.slice(0, 80)}`).join("\n  ");
  }
}
