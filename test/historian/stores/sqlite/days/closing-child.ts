/**
 * Closes all days before a day, in the thread where the fault points are.
 *
 *   node closing-child.ts <file> <folder> <day>
 */
import { DayKeeper } from "../../../../../src/historian/stores/sqlite/days/keeper.ts";

const [file, folder, day] = process.argv.slice(2) as [string, string, string];
const keeper = new DayKeeper(file, folder, "normal");
while (keeper.work({ closeBefore: Number(day), thorough: false }));
