import { createLog } from "../../../src/log/log.ts";
import { EmbeddedBroker } from "../../../src/mqtt/broker/embedded-broker.ts";
import { brokerContract } from "../../contracts/broker-contract.ts";
import { Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";

brokerContract("embedded broker", {
  start: (login) =>
    EmbeddedBroker.start({
      ...{ host: "127.0.0.1", port: 0, ...login },
      log: createLog({ write: () => undefined }),
    }),
  keepsReceiveMaximum: false,
});

if (mosquittoInstalled)
  brokerContract("Mosquitto", {
    start: async (login) => {
      const broker = await Mosquitto.run(login && { users: { [login.username]: login.password } });
      return { port: broker.port, stop: () => broker.dispose() };
    },
    keepsReceiveMaximum: true,
  });
