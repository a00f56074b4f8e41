import type { Controllers } from "../../devices/commands.ts";
import type { Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";

/** Listens to what controllers say of themselves, or their wills. The returned function ends it. */
export function followControllers(link: Link, topics: Topics, controllers: Controllers): () => void {
  return link.subscribe({
    filters: [topics.controller("+")],
    onMessage({ topic, payload }) {
      const name = topic.split("/").at(-2)!;
      // An empty level is nobody's name.
      if (name !== "") controllers.heard(name, payload.toString());
    },
  });
}
