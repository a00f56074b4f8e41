/**
 * A complete driver to copy. Its device speaks JSON over HTTP: `GET url` answers with all values as one object, and
 * `PUT url?name=x` writes one. It is not in THE LIST, so that no config can name it.
 */

import { messageOf } from "../../log/log.ts";
import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/index.ts";
import type { AbleType } from "../abilities.ts";
import type { DeviceInit, DriverDevice } from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError, ServiceError, WriteRefusedError } from "../errors.ts";

const REGISTER = "BlueprintRegister";
const HTTP_ADDRESS = { type: "string", pattern: "^https?://", "x-expected": "an http:// address" };

export const blueprint: AbleType<{ readonly url: string }> = {
  name: "blueprint",
  configSchema: {
    type: "object",
    additionalProperties: false,
    required: ["url"],
    properties: { url: { ...HTTP_ADDRESS, description: "Address of the device" } },
  },
  checkRows: (rows) => rows.filter(({ register }) => register !== REGISTER).map(unknownRegister),
  identityOf: ({ url }) => ({ network: "HTTP", id: new URL(url).href }),
  open() {
    const closing = new AbortController();
    return {
      createDevice: (init) => makeDevice(init, closing.signal),
      close: async () => closing.abort(new Error("the driver is closed")),
    };
  },
};

function unknownRegister(row: RegistryRow) {
  const fault = { code: "unknown_register", severity: "error", expected: REGISTER } as const;
  return row.fault("Register Name", { ...fault, message: "there is no such register", found: row.register });
}

function makeDevice({ path, config, rows }: DeviceInit<{ url: string }>, closing: AbortSignal): DriverDevice {
  async function call(signal: AbortSignal, write?: { name: string; value: PointValue }): Promise<string> {
    const url = new URL(config.url);
    if (write) url.searchParams.set("name", write.name);
    const request = write ? { method: "PUT", body: JSON.stringify(write.value) } : {};
    const { ok, status, text } = await fetch(url, { ...request, signal: AbortSignal.any([signal, closing]) })
      .then(async (answer) => ({ ok: answer.ok, status: answer.status, text: await answer.text() }))
      .catch((cause) => {
        // `sent`: the device may have taken a write whose answer was lost; the bridge finds out by reading.
        throw Object.assign(new Error(`${url}: ${messageOf(cause)}`, { cause }), { sent: Boolean(write) });
      });
    if (ok) return text;
    throw new ServiceError(`${url} answered ${status}`, `${status}`, status >= 500);
  }

  function rowOf(point: string): RegistryRow {
    const row = rows.find((one) => one.point.name === point);
    if (row) return row;
    throw new PointNotFoundError(path, point);
  }

  const device: DriverDevice = {
    async scrapeAll(signal) {
      const answer = JSON.parse(await call(signal)) as Record<string, unknown>;
      const values = new Map<string, PointValue>();
      const failures = new Map<string, Error>();
      for (const { attribute, point } of rows) {
        const converted = convertValue(answer[attribute], point.type);
        if (converted.ok) values.set(point.name, converted.value);
        else failures.set(point.name, new Error(`"${attribute}" is not ${converted.expected}`));
      }
      return { values, failures };
    },
    async getPoint(point, signal) {
      rowOf(point);
      const { values, failures } = await device.scrapeAll(signal);
      if (failures.has(point)) throw failures.get(point);
      return values.get(point)!;
    },
    async setPoint(point, value, { signal, durationMinutes }) {
      const row = rowOf(point);
      if (!row.point.writable) throw new PointReadOnlyError(path, point);
      if (durationMinutes) throw new WriteRefusedError(`"${point}" of ${path} cannot end by itself`);
      await call(signal, { name: row.attribute, value });
      const verify = async (signal: AbortSignal) => {
        const readBack = await device.getPoint(point, signal);
        return { confirmed: JSON.stringify(readBack) === JSON.stringify(value), readBack };
      };
      return { verify, hold: { key: point } };
    },
    async revertPoint(point, options) {
      const { writable, startingValue = null } = rowOf(point).point;
      if (writable && startingValue === null)
        throw new WriteRefusedError(`"${point}" of ${path} has no Starting Value to revert to`);
      return device.setPoint(point, startingValue, options);
    },
  };
  return device;
}
