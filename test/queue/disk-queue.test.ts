import { rm } from "node:fs/promises";
import { queueContract } from "../contracts/queue-contract.ts";
import { openAt, temporaryFolder } from "./queue-place.ts";

queueContract("disk", async () => {
  const folder = temporaryFolder();
  return { open: () => openAt(folder), remove: () => rm(folder, { recursive: true }) };
});
