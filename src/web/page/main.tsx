import { render } from "preact";
import { Page } from "./frame/page.tsx";
import { startKeys } from "./state/keys.ts";
import { startRouter } from "./state/router.ts";

startRouter();
startKeys();
render(<Page />, document.getElementById("page")!);
