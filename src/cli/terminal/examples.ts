import type { Command } from "commander";

/** Examples at the end of each command's help, by the command's words. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  run: ["run", "run --config /etc/voltbridge/bridge.json --log-format json"],
  historian: ["historian", "historian --name meters --share meters"],
  demo: ["demo", "demo --data /tmp/demo"],
  simulate: [
    "simulate --stations 500 --model CT4021-GW1",
    "simulate --stepped --start 2026-03-01T06:00:00Z --port 0",
  ],
  alerts: ["alerts test operators", "alerts test pager --config /etc/voltbridge/bridge.json"],
  "alerts test": ["alerts test operators", "alerts test pager --config /etc/voltbridge/bridge.json"],
  init: ["init", "init --broker embedded --region NA --topic campus/garage --points load,status"],
  check: ["check --online", "check registry/garage.csv --strict --format github"],
  doctor: ["doctor", "doctor --config /etc/voltbridge/bridge.json --json"],
  "registry attributes": ["registry attributes LoadRegister", "registry attributes --json"],
  "registry init": [
    "registry init --station 1:12345 --points load,status --out registry/garage.csv",
    "registry init --like registry/garage.csv --out registry/",
  ],
  plan: ["plan", "plan --lookup"],
  registry: ["registry attributes LoadRegister", "registry init --station 1:12345 --out registry/garage.csv"],
  "registry fix": [
    "registry fix registry/my-garage.csv",
    "registry fix registry/my-garage.csv --excel my-garage-excel.csv",
  ],
  "registry try": [
    "registry try registry/my-garage.csv --station 1:12345",
    "registry try registry/my-garage.csv --device configs/devices/campus/garage/station-1.json --json",
  ],
  scrape: ["scrape campus/garage/station-1", "scrape configs/devices/campus/garage/station-1.json --json"],
  watch: ["watch", "watch 'devices/campus/garage/+/all' --json --count 10"],
  get: ["get campus/garage/station-1/portLoad_1", "get campus/garage/station-1/allowedLoad_1 --json"],
  set: [
    "set campus/garage/station-1/allowedLoad_1 3.3",
    "set campus/garage/station-1/percentShed 50 --duration 30",
    "set campus/garage/station-1/allowedLoad_1 --clear-retained",
  ],
  revert: ["revert campus/garage/station-1/allowedLoad_1", "revert campus/garage/station-1"],
  sheds: ["sheds", "sheds --json"],
  override: ["override on 'campus/garage/*' --minutes 60", "override clear"],
  "override on": [
    "override on campus/garage/station-1",
    "override on 'campus/garage/*' --minutes 60 --no-revert",
  ],
  "override off": ["override off campus/garage/station-1", "override off 'campus/garage/*'"],
  "override clear": ["override clear", "override clear --requester operator"],
  "override list": ["override list", "override list --json"],
  limit: ["limit", "limit garage 60", "limit garage off"],
  schedule: [
    "schedule request peak campus/garage/station-1 now 'now +2h' --requester ems",
    "schedule cancel peak --requester ems",
  ],
  "schedule request": [
    "schedule request peak campus/garage/station-1 now 'now +2h' --requester ems",
    "schedule request night campus/garage/station-2 2026-12-01T20:00:00Z 2026-12-02T06:00:00Z --priority HIGH",
  ],
  "schedule cancel": ["schedule cancel peak", "schedule cancel peak --requester ems"],
  "schedule list": ["schedule list", "schedule list --json"],
  event: ["event create campus/garage/station-1 --start 'now +2h' --minutes 60 --kw 3 --yes", "event list"],
  "event create": [
    "event create campus/garage/station-1 --start 'now +2h' --minutes 60 --kw 3 --yes",
    "event create campus/garage/station-1 --group 31415 --start 2026-12-01T17:00:00Z --minutes 120 --percent 50 --yes",
  ],
  "event remove": ["event remove 271828 --yes", "event remove 271828 --yes --json"],
  "event list": ["event list", "event list --json"],
  reload: ["reload", "reload --confirm"],
  diff: ["diff", "diff --json"],
  device: ["device pause campus/garage/station-1", "device resume campus/garage/station-1"],
  "device pause": [
    "device pause campus/garage/station-1",
    "device pause campus/garage/station-1 --requester electrician",
  ],
  "device resume": [
    "device resume campus/garage/station-1",
    "device resume campus/garage/station-1 --requester electrician",
  ],
  history: [
    "history topics garage",
    "history query campus/garage/station-1/portLoad_1 --start -1h --out load.csv",
  ],
  "history topics": ["history topics", "history topics 'portLoad_[12]$'"],
  "history query": [
    "history query campus/garage/station-1/portLoad_1 --start -1h",
    "history query --pattern 'portLoad_' --start -30d --agg AVG --period 15m --together SUM --out site.csv",
  ],
  "history export": ["history export", "history export 'portLoad_[12]$' --start -30d --out loads.csv"],
  "history import": [
    "history import /var/lib/volttron/platform.historian.sqlite --replace PNNL/Garage=campus/garage",
    "history import november.parquet december.csv --dry-run",
  ],
  "history verify": ["history verify", "history verify --data /backup/voltbridge --json"],
  "history compact": ["history compact", "history compact --data /var/lib/voltbridge"],
  "history gaps": ["history gaps", "history gaps campus/garage --start -7d"],
  "history call": [
    "history call get_topic_list",
    `history call query '{"topic": "campus/garage/station-1/portLoad_1", "count": 10}'`,
  ],
  sessions: ["sessions sync --from -30d", "sessions export --out sessions.parquet"],
  "sessions sync": [
    "sessions sync --from -30d",
    "sessions sync --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --intervals",
  ],
  "sessions list": ["sessions list --from -1d", "sessions list --from -30d --json"],
  "sessions export": [
    "sessions export --out sessions.csv",
    "sessions export --from -30d --out sessions.parquet",
  ],
  "sessions schema": ["sessions schema", "sessions schema --database postgres"],
  report: ["report fleet --out fleet.xlsx", "report fleet --out fleet.html"],
  "report fleet": [
    "report fleet --out fleet.xlsx --tz America/Los_Angeles",
    "report fleet --last week --mail operator@example.com",
  ],
  audit: ["audit", "audit campus/garage/station-1 --start -1d --status refused"],
  backup: [
    "backup /mnt/backup/voltbridge --keep 14",
    "backup /mnt/backup/voltbridge --config /etc/voltbridge/bridge.json",
  ],
  "backup verify": [
    "backup verify /mnt/backup/voltbridge",
    "backup verify /mnt/backup/voltbridge --at -7d --json",
  ],
  restore: [
    "restore /mnt/backup/voltbridge",
    "restore /mnt/backup/voltbridge --at 2026-11-30T12:00:00Z --to /srv/restored",
  ],
  deadletter: ["deadletter list", "deadletter retry --sink mqtt"],
  "deadletter list": ["deadletter list", "deadletter list --sink historian --count 20"],
  "deadletter retry": ["deadletter retry", "deadletter retry --sink historian"],
  "deadletter discard": ["deadletter discard 17 18 --sink mqtt", "deadletter discard --sink historian"],
  status: ["status", "status --url mqtt://broker:1883 --json"],
  cluster: ["cluster status", "cluster drain one --timeout 120"],
  "cluster status": ["cluster status", "cluster status --watch"],
  "cluster move": [
    "cluster move campus/garage/station-1 two",
    "cluster move campus/garage/station-1 --clear",
  ],
  "cluster drain": ["cluster drain one", "cluster drain one --clear"],
  "cluster confirm": ["cluster confirm", "cluster confirm --config /etc/voltbridge/bridge.json"],
  selftest: ["selftest", "selftest --json"],
  api: ["api getStations --City Campbell --State CA --all", "api getLoad --stationID 1:12345 --json"],
  discover: ["discover", "discover --sgID 31415 --write configs/devices/campus/garage"],
  stations: [
    "stations public --lat 37.28 --long -121.94",
    "stations public --city Campbell --state CA --available",
  ],
  "stations public": [
    "stations public --lat 37.28 --long -121.94 --proximity 2",
    "stations public --city Campbell --state CA --available --connector J1772",
  ],
  import: ["import volttron ~/.volttron/configuration_store", "import volttron exported --out site --json"],
  "import volttron": [
    "import volttron ~/.volttron/configuration_store",
    "import volttron platform.driver.store --out site",
  ],
  web: ["web user ann --role admin", "web token prometheus"],
  "web user": ["web user ann --role admin", "web user ann < password.txt"],
  "web token": ["web token prometheus", "web token ems --role operate --json"],
  wsdl: ["wsdl", "wsdl --endpoint http://127.0.0.1:8090/webservices/chargepoint/services/5.1"],
  completion: ["completion bash", "completion fish"],
};

/** Options of the first example of an operation of the API, where {@link SHOWN} has none. */
const OPTIONS: Readonly<Record<string, string>> = {
  getStations: "--City Campbell --State CA --all",
  getPublicStations: "--Lat 37.28 --Long -121.94",
  shedLoad: "--stationID 1:12345 --shedStation.allowedLoadPerStation 3.3 --timeInterval 60",
};
/** Options of operations with an example value, the preferred one first. */
const SHOWN: readonly (readonly [option: string, value: string])[] = [
  ["--stationID", "1:12345"],
  ["--sgID", "31415"],
  ["--sessionID", "271828"],
  ["--orgID", "1:ORG12345"],
  ["--userID", "161803"],
  ["--eventID", "141421"],
];

/** Adds examples to the help of every command. */
export function addExamples(program: Command): void {
  for (const command of program.commands) add(command, [command.name()]);
}

function add(command: Command, words: readonly string[]): void {
  const lines = EXAMPLES[words.join(" ")] ?? examplesOf(command, words);
  command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  voltbridge ${line}`).join("\n")}`);
  for (const inner of command.commands) add(inner, [...words, inner.name()]);
}

/** Returns the examples of an operation of the API. */
function examplesOf(command: Command, words: readonly string[]): readonly string[] {
  const { options } = command;
  const bare = words.join(" ");
  const has = (option: string) => options.some(({ long }) => long === option);
  const confirmation = has("--yes") ? " --yes" : "";
  const shown = SHOWN.find(([option]) => has(option));
  const given = OPTIONS[command.name()] ?? shown?.join(" ");
  return [
    `${bare}${given === undefined ? "" : ` ${given}`}${confirmation}`,
    `${bare} --request request.json${confirmation} --json`,
  ];
}
