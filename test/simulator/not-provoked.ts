/** Codes that no request brings about; trouble on request can (`code`). */
export const NOT_PROVOKED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    "105 108 111 112 113 114 116 117 128 137 138 140 144 145 146 148 170"
      .split(" ")
      .map((code) => [
        code,
        "reservations, cards and subscriptions: their calls are no longer part of the web services",
      ]),
  ),
  104: "wrong credentials are a SOAP Fault",
  109: "a station that is not available is UNREACHABLE (115)",
  110: "a serial number is any text; one that no station has is 102",
  126: "load can be shed at any time",
  127: "load can be restored at any time",
  139: "wildcard searches are not counted",
  143: "nothing unknown goes wrong by itself",
  151: "no call asks for a date in the past",
  168: "no call names an event",
  188: "an operation that is not there is a SOAP Fault",
};
