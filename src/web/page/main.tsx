import { render } from "preact";
import { Page } from "./frame/page.tsx";
import { viewOf } from "./frame/routes.ts";
import { startKeys } from "./state/keys.ts";
import { startRouter } from "./state/router.ts";

startRouter();
startKeys();
// Beside the first requests. A failure is shown where the view is drawn, which loads it again.
viewOf(location.pathname)
  ?.view.load()
  .catch(() => undefined);
render(<Page />, document.getElementById("page")!);
