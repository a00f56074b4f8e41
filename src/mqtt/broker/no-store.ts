import { Store } from "mqtt";

type Stored = Parameters<Store["put"]>;
type Deleted = Parameters<Store["del"]>;

/**
 * Where mqtt.js would keep what is not acknowledged, to send it again over its own next connection. There is none here: the
 * outbox sends again. What passes through a Map, as all does in mqtt.js's own store, lives on in the tables that the Map
 * left behind, until V8 collects its older objects: half of what a fleet publishes.
 */
export class NoStore extends Store {
  override put(_packet: Stored[0], done: Stored[1]): this {
    done();
    return this;
  }

  override del(_packet: Deleted[0], done: Deleted[1]): this {
    done();
    return this;
  }
}
