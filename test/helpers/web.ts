import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { type Bridge, startBridge } from "../../src/bridge.ts";
import type { Notice } from "../../src/bus.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { BridgeFiles } from "../../src/reload/bridge-files.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./mosquitto.ts";
import { Site } from "./site.ts";

const API = "/api/v1";

export interface WebSiteOptions {
  /** Default 2. */
  readonly stations?: number;
  /** Further settings of bridge.json. */
  readonly bridge?: Record<string, unknown>;
  /** Of the section `web`. */
  readonly web?: Record<string, unknown>;
  readonly device?: Record<string, unknown>;
  readonly guestRole?: "view" | "operate";
  /** Called before the bridge starts, e.g. to write files. */
  readonly prepare?: (site: Site) => void;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects; the schema was checked.
  readonly body: any;
}

/** A bridge with its HTTP interface, on the simulator, the embedded broker and SQLite. Every answer is held against the OpenAPI document. */
export class WebSite {
  readonly simulator: Simulator;
  readonly site: Site;
  readonly bridge: Bridge;
  readonly url: string;
  readonly notices: Notice[] = [];
  #document: OpenApiDocument | undefined;

  private constructor(simulator: Simulator, site: Site, bridge: Bridge) {
    this.simulator = simulator;
    this.site = site;
    this.bridge = bridge;
    this.url = bridge.web!.url ?? "";
    bridge.bus.on("notice", (notice) => this.notices.push(notice));
  }

  static async start({
    stations = 2,
    bridge,
    web,
    device,
    guestRole,
    prepare,
  }: WebSiteOptions = {}): Promise<WebSite> {
    const simulator = await startSimulator({ stations, traffic: false, incidents: false });
    const { endpoint, username, password, stationIDs } = simulator;
    const site = new Site({
      ...{ endpoint, username, password, stationIDs },
      bridge: {
        mqtt: { embedded: { port: await freePort() } },
        historian: { backend: "sqlite" },
        actuator: { confirm_timeout: 5 },
        ...bridge,
        web: { enabled: true, port: await freePort(), ...web },
      },
      device: { registry_config: "config://chargepoint.csv", ...device },
    });
    prepare?.(site);
    const secrets = new Secrets();
    const files = new BridgeFiles({ config: site.config, secrets, env: {} });
    const loaded = await files.load();
    const running = await startBridge({
      ...{ settings: loaded.settings, devices: loaded.devices, secrets, version: "1.2.3", guestRole },
      files: { loaded, load: () => files.load() },
      log: createLog({ level: "silent" }),
      onDiagnostics: () => undefined,
    });
    return new WebSite(simulator, site, running);
  }

  async stop(): Promise<void> {
    await this.bridge.stop();
    await this.simulator.close();
    this.site.remove();
  }

  /** Resolves when every device has been read. */
  async scraped(): Promise<void> {
    await eventually(() => {
      const waiting = this.bridge.devices.latest
        .all()
        .filter(({ availability }) => availability !== "online");
      if (waiting.length > 0) throw new Error(`${waiting[0]!.device.path} is not online`);
    });
  }

  /** Calls a route (`/devices`), and checks its answer against the document. */
  async call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    { body, headers = {} }: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
  ): Promise<WebAnswer> {
    this.#document ??= OpenApiDocument.of(await (await fetch(`${this.url}${API}/openapi.json`)).text());
    const isSafe = method === "GET";
    const response = await fetch(`${this.url}${API}${path}`, {
      method,
      headers: {
        ...(!isSafe && { "sec-fetch-site": "same-origin" }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    const parsed = /json/.test(type) && text !== "" ? JSON.parse(text) : text;
    this.#document.check(method, path.split("?")[0]!, response.status, type, parsed);
    return { status: response.status, headers: response.headers, body: parsed };
  }

  get(path: string, headers?: Record<string, string>): Promise<WebAnswer> {
    return this.call("GET", path, headers && { headers });
  }

  post(path: string, body: unknown, headers?: Record<string, string>): Promise<WebAnswer> {
    return this.call("POST", path, { body, ...(headers && { headers }) });
  }
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** An OpenAPI document that answers are checked against: a route, status, media type or member that it lacks is an error. */
class OpenApiDocument {
  /** By their text: the bridges of a process serve the same document, and to compile a schema takes longer than most answers. */
  static readonly #known = new Map<string, OpenApiDocument>();
  readonly #paths: readonly (readonly [pattern: RegExp, operations: Readonly<Record<string, Operation>>])[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, formats: { "date-time": isUtc } });
  readonly #validators = new Map<object, ValidateFunction>();

  static of(text: string): OpenApiDocument {
    const document = OpenApiDocument.#known.get(text) ?? new OpenApiDocument(JSON.parse(text) as OpenApi);
    OpenApiDocument.#known.set(text, document);
    return document;
  }

  private constructor(document: OpenApi) {
    this.#ajv.addSchema({ $id: "http://openapi/", components: document.components });
    this.#paths = Object.entries(document.paths)
      // A path without parameters first: `/history/topics` before `/history/{id}`.
      .sort(([a], [b]) => Number(a.includes("{")) - Number(b.includes("{")))
      .map(([path, operations]) => [new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`), operations]);
  }

  check(method: string, path: string, status: number, type: string, body: unknown): void {
    const [, operations] = this.#paths.find(([pattern]) => pattern.test(path)) ?? [];
    const operation = operations?.[method.toLowerCase()];
    if (!operation) {
      // What the document does not know is refused.
      expect([404, 405, 421], `${method} ${path} is not in the document`).toContain(status);
      return;
    }
    const known = operation.responses[status] ?? (status >= 400 ? operation.responses.default : undefined);
    expect(known, `the document has no status ${status} of ${method} ${path}`).toBeDefined();
    const media = type.split(";")[0]!;
    if (!known!.content) {
      expect(body, `${method} ${path} ${status} has no body in the document`).toBe("");
      return;
    }
    const schema = known!.content[media]?.schema;
    expect(schema, `the document has no ${media} of ${method} ${path} ${status}`).toBeDefined();
    const validate = this.#validator(schema!);
    expect(validate(body), `${method} ${path} ${status}: ${this.#ajv.errorsText(validate.errors)}`).toBe(
      true,
    );
  }

  #validator(schema: object): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"#/components', '"http://openapi/#/components');
    const validate = this.#validators.get(schema) ?? this.#ajv.compile(JSON.parse(text));
    this.#validators.set(schema, validate);
    return validate;
  }
}

function isUtc(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/.test(text) && !Number.isNaN(Date.parse(text));
}
