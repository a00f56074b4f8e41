import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { schema } from "../../src/drivers/chargepoint/api/schema/schema.ts";
import { render } from "../../src/drivers/chargepoint/api/schema/schema-markup.ts";
import { faults } from "./xmllint.ts";

/** The frame of a SOAP 1.1 message: whatever is in its header, and one known element in its body. */
const ENVELOPE = `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"
  targetNamespace="http://schemas.xmlsoap.org/soap/envelope/" elementFormDefault="qualified">
  <xsd:import namespace="urn:dictionary:com.chargepoint.webservices" schemaLocation="service.xsd"/>
  <xsd:element name="Envelope">
    <xsd:complexType>
      <xsd:sequence>
        <xsd:element name="Header" type="env:anything" minOccurs="0"/>
        <xsd:element name="Body">
          <xsd:complexType>
            <xsd:sequence><xsd:any namespace="##other" processContents="strict"/></xsd:sequence>
          </xsd:complexType>
        </xsd:element>
      </xsd:sequence>
    </xsd:complexType>
  </xsd:element>
  <xsd:complexType name="anything">
    <xsd:sequence><xsd:any processContents="lax" maxOccurs="unbounded"/></xsd:sequence>
  </xsd:complexType>
</xsd:schema>`;

/** What is wrong with whole SOAP messages by the schema of the WSDL; xmllint says. */
export function messageFaults(documents: readonly string[]): Promise<string[]> {
  const service = render(schema(Object.values(operations)));
  return faults({ "envelope.xsd": ENVELOPE, "service.xsd": service }, documents);
}
