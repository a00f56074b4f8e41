/**
 * A complete driver to copy. Its device speaks JSON over HTTP: `GET url` answers with all values as one object, and
 * `PUT url?name=x` writes one. It is not in THE LIST, so that no config can name it.
 */

import { Agent } from "undici";
import { messageOf } from "../../log/log.ts";
import { exchange, type HttpError } from "../../net/http.ts";
import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/index.ts";
import type { AbleType } from "../abilities.ts";
import type { DeviceInit, DriverDevice } from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError, ServiceError, WriteRefusedError } from "../errors.ts";

const REGISTER = "BlueprintRegister";
/** Maximum size of an answer. */
const MAX_BYTES = 1024 * 1024;
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
    const agent = new Agent();
    return { createDevice: (init) => makeDevice(init, agent), close: () => agent.destroy() };
  },
};

function unknownRegister(row: RegistryRow) {
  const fault = { code: "unknown_register", severity: "error", expected: REGISTER } as const;
  return row.fault("Register Name", { ...fault, message: "there is no such register", found: row.register });
}

function makeDevice({ path, config, rows }: DeviceInit<{ url: string }>, agent: Agent): DriverDevice {
  async function send(signal: AbortSignal, write?: { name: string; value: PointValue }): Promise<string> {
    const url = new URL(config.url);
    if (write) url.searchParams.set("name", write.name);
    const request = { method: write ? "PUT" : "GET", body: write && JSON.stringify(write.value) } as const;
    const call = { ...request, url, headers: {}, signal, maxBytes: MAX_BYTES };
    const { status, body } = await exchange(agent, call).catch((error: HttpError) => {
      const text = `${url}: ${messageOf(error.cause ?? error)}`;
      // `sent`: the device may have taken a write whose answer was lost; the bridge finds out by reading.
      throw Object.assign(new Error(text, { cause: error }), { sent: error.sent && write !== undefined });
    });
    if (status >= 200 && status < 300) return body.toString();
    throw new ServiceError(`${url} answered ${status}`, `${status}`, status >= 500);
  }

  function rowOf(point: string): RegistryRow {
    const row = rows.find((one) => one.point.name === point);
    if (row) return row;
    throw new PointNotFoundError(path, point);
  }

  const device: DriverDevice = {
    async scrapeAll(signal) {
      const answer = JSON.parse(await send(signal)) as Record<string, unknown>;
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
      await send(signal, { name: row.attribute, value });
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
