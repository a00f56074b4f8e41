import { child, WSSE_NAMESPACE } from "./soap.ts";
import { escapeXml, type XmlNode } from "./xml.ts";

/** WS-Security UsernameToken with the password as text (guide §2.3, §2.4). */

export interface Credentials {
  /** API licence key. */
  readonly username: string;
  /** API password. */
  readonly password: string;
}

const PASSWORD_TEXT =
  "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

/** When a request was made, and from when on it must not be carried out (WS-Security 1.1 §10). */
export interface Times {
  readonly created: Date;
  readonly expires: Date;
}

const UTILITY_NAMESPACE =
  "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/**
 * Returns the content of the SOAP Header for {@link buildRequest}; relies on its `soapenv` prefix. With times it has a Timestamp. Answers
 * of the service have one; whether it looks at that of a request is not documented.
 */
export function securityHeader({
  username,
  password,
  created,
  expires,
}: Credentials & Partial<Times>): string {
  const timestamp =
    created && expires
      ? `<wsu:Timestamp xmlns:wsu="${UTILITY_NAMESPACE}"><wsu:Created>${created.toISOString()}</wsu:Created>` +
        `<wsu:Expires>${expires.toISOString()}</wsu:Expires></wsu:Timestamp>`
      : "";
  return (
    `<wsse:Security xmlns:wsse="${WSSE_NAMESPACE}" soapenv:mustUnderstand="1">${timestamp}<wsse:UsernameToken>` +
    `<wsse:Username>${escapeXml(username)}</wsse:Username>` +
    `<wsse:Password Type="${PASSWORD_TEXT}">${escapeXml(password)}</wsse:Password>` +
    `</wsse:UsernameToken></wsse:Security>`
  );
}

/** Returns when a request expires; null where its SOAP Header does not say. */
export function readExpires(header: XmlNode | null): Date | null {
  const security = header && child(header, "Security");
  const timestamp = security && child(security, "Timestamp");
  const expires = timestamp && child(timestamp, "Expires");
  const at = new Date(expires?.text.trim() ?? "");
  return Number.isNaN(at.getTime()) ? null : at;
}

/**
 * Returns the credentials of a request's SOAP Header, with any prefixes; null where there are none. The Password's Type may
 * be missing; any other than PasswordText cannot be read and counts as none.
 */
export function readCredentials(header: XmlNode | null): Credentials | null {
  const security = header && child(header, "Security");
  const token = security && child(security, "UsernameToken");
  const username = token && child(token, "Username");
  const password = token && child(token, "Password");
  if (!username || !password) return null;
  const type = password.attributes.Type;
  if (type !== undefined && !type.endsWith("#PasswordText")) return null;
  return { username: username.text.trim(), password: password.text.trim() };
}
