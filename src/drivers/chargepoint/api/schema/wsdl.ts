import { responseName, SERVICE_NAMESPACE, soapAction } from "../documents/soap.ts";
import type { Operation } from "../message.ts";
import { operations as ALL } from "../operations/index.ts";
import { schema } from "./schema.ts";
import { type Markup, markup, render } from "./schema-markup.ts";

const WSDL_NAMESPACE = "http://schemas.xmlsoap.org/wsdl/";
const WSDL_SOAP_NAMESPACE = "http://schemas.xmlsoap.org/wsdl/soap/";
const HTTP_TRANSPORT = "http://schemas.xmlsoap.org/soap/http";
const NAME = "chargepointservices";

export interface WsdlOptions {
  /** URL that toolkits call. */
  readonly endpoint: string;
  /** Default: all. */
  readonly operations?: readonly Operation[];
}

/**
 * Returns a WSDL 1.1 of the web services (document/literal, SOAP 1.1 over HTTP), built from the message descriptions; the
 * same options give the same text. Credentials are not part of it: callers add a WS-Security UsernameToken (§2.3).
 */
export function wsdl({ endpoint, operations = Object.values(ALL) }: WsdlOptions): string {
  const definitions = markup(
    "wsdl:definitions",
    {
      name: NAME,
      targetNamespace: SERVICE_NAMESPACE,
      "xmlns:wsdl": WSDL_NAMESPACE,
      "xmlns:soap": WSDL_SOAP_NAMESPACE,
      "xmlns:tns": SERVICE_NAMESPACE,
    },
    [
      documentation(
        "ChargePoint Web Services API 5.1 as voltbridge describes it. Every call carries a WS-Security " +
          "UsernameToken: the API licence key as Username, the API password as Password of type PasswordText.",
      ),
      markup("wsdl:types", {}, [schema(operations)]),
      ...operations.flatMap((operation) => [message(operation.name), message(responseName(operation))]),
      markup("wsdl:portType", { name: NAME }, operations.map(abstractOperation)),
      markup("wsdl:binding", { name: `${NAME}Binding`, type: `tns:${NAME}` }, [
        markup("soap:binding", { style: "document", transport: HTTP_TRANSPORT }),
        ...operations.map(boundOperation),
      ]),
      markup("wsdl:service", { name: NAME }, [
        markup("wsdl:port", { name: `${NAME}Port`, binding: `tns:${NAME}Binding` }, [
          markup("soap:address", { location: endpoint }),
        ]),
      ]),
    ],
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${render(definitions)}`;
}

/** The message has the name of its element. */
function message(name: string): Markup {
  return markup("wsdl:message", { name }, [
    markup("wsdl:part", { name: "parameters", element: `tns:${name}` }),
  ]);
}

function abstractOperation(operation: Operation): Markup {
  return markup("wsdl:operation", { name: operation.name }, [
    documentation(about(operation)),
    markup("wsdl:input", { message: `tns:${operation.name}` }),
    markup("wsdl:output", { message: `tns:${responseName(operation)}` }),
  ]);
}

function boundOperation(operation: Operation): Markup {
  const literal = markup("soap:body", { use: "literal" });
  return markup("wsdl:operation", { name: operation.name }, [
    markup("soap:operation", { soapAction: soapAction(operation).slice(1, -1) }),
    markup("wsdl:input", {}, [literal]),
    markup("wsdl:output", {}, [literal]),
  ]);
}

function about({ doc, restrictions, section }: Operation): string {
  const source = /^\d/.test(section) ? `guide §${section}` : section;
  return `${restrictions === undefined ? doc : `${doc}. ${restrictions}`} (${source})`;
}

function documentation(text: string): Markup {
  return markup("wsdl:documentation", {}, text);
}
