import type { Command } from "commander";
import { wsdl as describeService, REGIONS } from "../../drivers/chargepoint/api/index.ts";
import type { Terminal } from "../terminal/terminal.ts";

export function wsdl(program: Command, terminal: Terminal): void {
  program
    .command("wsdl")
    .description(
      "Print a WSDL of the ChargePoint web services, to generate a client with another SOAP toolkit.",
    )
    .option("--endpoint <url>", "address of the service in it", REGIONS.NA)
    .action(({ endpoint }: { readonly endpoint: string }) => terminal.out(describeService({ endpoint })));
}
