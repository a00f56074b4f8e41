/** What an alert is about: a device, a port with an alarm, a group, a store, an account, the broker. */
export interface AlertSubject {
  /** Device path, or the name of the group, store or account. */
  readonly name: string;
  /** What is wrong with it, for people. */
  readonly text: string;
}

/** An alert that began or ended, or goes on, as it is sent. Times are ISO 8601 text in UTC. */
export interface AlertMessage {
  /** Of the alert: the same when it begins and when it ends. */
  readonly id: string;
  readonly state: "raised" | "cleared";
  readonly rule: string;
  readonly when: string;
  readonly severity: string;
  /** The first of them. */
  readonly subjects: readonly AlertSubject[];
  /** Number of all. */
  readonly count: number;
  readonly since: string;
  readonly at: string;
  /** It was sent before, and goes on: number of times. */
  readonly repeat?: number;
  readonly text: string;
}

/** Publishes alerts over MQTT. */
export interface AlertOutlet {
  /** Publishes one that began or ended. `dropped`: publish it again later; `refused`: do not. */
  publish(message: AlertMessage): Promise<"published" | "dropped" | "refused">;
  /** Publishes which are active now, retained; again after each connect. */
  show(active: readonly AlertMessage[], count: number): void;
}
