import { spawnSync } from "node:child_process";

/** Debian's own Python: the one that Debian's packages of Python libraries belong to. */
export const PYTHON = "/usr/bin/python3";

/** Whether Debian's paho-mqtt is there, which one of the examples needs. */
export const pahoInstalled = hasPaho();

export function hasPaho(): boolean {
  return hasModule("paho.mqtt.client");
}

/** Whether Debian's zeep is there, the SOAP toolkit of VOLTTRON's driver. */
export const zeepInstalled = hasZeep();

export function hasZeep(): boolean {
  return hasModule("zeep");
}

/** Whether Debian's jinja2 is there, in whose language Home Assistant's templates are. */
export const jinjaInstalled = hasJinja();

export function hasJinja(): boolean {
  return hasModule("jinja2");
}

/** Whether Debian's protobuf is there, with which the host application of Sparkplug reads payloads. */
export function hasProtobuf(): boolean {
  return hasModule("google.protobuf");
}

function hasModule(name: string): boolean {
  return spawnSync(PYTHON, ["-c", `import ${name}`], { stdio: "ignore" }).status === 0;
}
