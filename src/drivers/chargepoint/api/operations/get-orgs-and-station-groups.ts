import { group, int, list, operation, result, string } from "../message.ts";

/** Organisations and their custom station groups, as far as the account has rights to them (guide §7.5). */
export const getOrgsAndStationGroups = operation({
  name: "getOrgsAndStationGroups",
  doc: "Organisations and custom station groups that the account has rights to",
  section: "7.5",
  effect: "read",
  request: {
    searchQuery: group({
      orgID: string("CPNID:CompanyID"),
      organizationName: string(),
      sgID: int("Custom station group identifier"),
      sgName: string("Custom station group name"),
    }),
  },
  response: {
    ...result,
    orgData: list(
      group({
        orgID: string("CPNID:orgID"),
        organizationName: string(),
        sgData: list(
          group({
            sgID: int("Custom station group identifier"),
            sgName: string("Custom station group name"),
            parentGroupID: string("Group it is in; 0 for none", { also: ["parentGroupId"] }),
          }),
        ),
      }),
    ),
  },
});
