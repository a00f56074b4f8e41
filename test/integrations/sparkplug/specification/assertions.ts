import { birthAssertions } from "./births.ts";
import { dataAssertions } from "./data.ts";
import { payloadAssertions } from "./payload.ts";
import { sessionAssertions } from "./session.ts";
import { topicAssertions } from "./topics.ts";

/** All assertions by the file that they are in. */
export const ASSERTIONS = {
  session: sessionAssertions,
  topics: topicAssertions,
  births: birthAssertions,
  data: dataAssertions,
  payload: payloadAssertions,
};
