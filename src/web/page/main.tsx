import { render } from "preact";
import { Page } from "./frame/page.tsx";
import { viewOf } from "./frame/routes.ts";
import { startKeys } from "./state/browser/keys.ts";
import { startRouter } from "./state/browser/router.ts";

startRouter();
startKeys();
// Beside the first requests. A failure is shown where the view is drawn, which loads it again.
viewOf(location.pathname)
  ?.view.load()
  .catch(() => undefined);
render(<Page />, document.getElementById("page")!);
