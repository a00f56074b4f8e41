/** Parts of PromQL. Where two bridges of one name run, both report the stations they read; each station counts once. */

export function eachDevice(metric: string, selector: string): string {
  return `max by (device) (${metric}{${selector}})`;
}

export function eachPort(metric: string, selector: string): string {
  return `max by (device, port) (${metric}{${selector}})`;
}

/** The code of the state of each port. */
export function stateCode(selector: string): string {
  const of = (state: string) => eachPort("voltbridge_port_state", `state="${state}", ${selector}`);
  return `${of("available")} + 2 * ${of("in_use")} + 3 * ${of("faulted")} + 4 * ${of("unreachable")} + 5 * ${of("unknown")}`;
}

/** Sum of the increases of a counter of ports. `range`: `[1d] offset -1d`, for the day that begins. */
export function increaseOfPorts(metric: string, selector: string, range: string, by = ""): string {
  return `sum${by} (max by (device, port) (increase(${metric}{${selector}}${range})))`;
}
