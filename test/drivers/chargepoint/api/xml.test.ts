import { describe, expect, it } from "vitest";
import {
  parseXml,
  XML_LIMITS,
  XmlError,
  type XmlFault,
} from "../../../../src/drivers/chargepoint/api/documents/xml.ts";

const fault = (document: string | Uint8Array, limits = XML_LIMITS): XmlFault | "accepted" => {
  try {
    parseXml(document, limits);
    return "accepted";
  } catch (error) {
    if (error instanceof XmlError) return error.fault;
    throw error;
  }
};

describe("parseXml", () => {
  it("reads local names, attributes without namespace declarations, and text as it stands", () => {
    const root = parseXml(
      '\ufeff<?xml version="1.0" encoding="UTF-8"?><!-- c --><a:r xmlns:a="u" a:x=\'1 &lt; 2\'><a:b>000123</a:b><c/> t </a:r>',
    );
    expect(root).toMatchObject({ name: "r", attributes: { x: "1 < 2" }, text: " t " });
    expect(root.children.map(({ name, text }) => [name, text])).toEqual([
      ["b", "000123"],
      ["c", ""],
    ]);
  });

  it("decodes the five built-in and numeric references once, and nothing in CDATA", () => {
    const { text } = parseXml(
      "<a>&lt;&gt;&amp;&quot;&apos;&#233;&#xE9;&#x1F600;&#13;&amp;lt;<![CDATA[<&amp;]]>.</a>",
    );
    expect(text).toBe("<>&\"'éé😀\r&lt;<&amp;.");
  });

  it.each(["000123", "0x1F", "1e5", "true", "", " "])("never makes a value of %j", (text) => {
    expect(parseXml(`<a>${text}</a>`).text).toBe(text);
  });

  it("names of JavaScript's own are names like any other, or refused, and harm nothing", () => {
    expect(parseXml("<a><toString>x</toString></a>").children[0]?.name).toBe("toString");
    fault('<a><__proto__ polluted="1"/><constructor>1</constructor></a>');
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it.each<[XmlFault, string]>([
    ["malformed", ""],
    ["malformed", "  "],
    ["malformed", "no xml"],
    ["malformed", "<a>"],
    ["malformed", "<a><b></a></b>"],
    ["malformed", "<a></b>"],
    ["malformed", "</a>"],
    ["malformed", "<a/><b/>"],
    ["malformed", "<a/>text"],
    ["malformed", "<a b=c/>"],
    ["malformed", "<a b='1' b='2'/>"],
    ["malformed", "<a><![CDATA[x"],
    ["malformed", "<a><!-- x"],
    ["malformed", "<a>&undeclared;</a>"],
    ["malformed", "<a>&</a>"],
    ["malformed", "<a>&#0;</a>"],
    ["malformed", "<a>&#xD800;</a>"],
    ["malformed", "<a>&#x110000;</a>"],
    ["doctype", "<!DOCTYPE a><a/>"],
    ["doctype", "<!doctype a><a/>"],
    ["doctype", '<?xml version="1.0"?><!-- x --><!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><a/>'],
    ["doctype", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ["html", "<html><body>down</body></html>"],
    ["html", "\n<!DOCTYPE html><html></html>"],
  ])("refuses as %s: %s", (expected, document) => {
    expect(fault(document)).toBe(expected);
  });

  it("refuses what is not UTF-8", () => {
    expect(fault(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e))).toBe("encoding");
    expect(fault(Buffer.from("<a>\ud83d\ude00é</a>"))).toBe("accepted");
  });

  it("every cut of a document is refused", () => {
    const whole = '<?xml version="1.0"?><a b="1"><!-- c --><d>&amp;<![CDATA[e]]></d><f/></a>';
    for (let end = 0; end < whole.length; end++)
      expect(fault(whole.slice(0, end)), whole.slice(0, end)).not.toBe("accepted");
    expect(fault(whole)).toBe("accepted");
  });

  it("G2: bombs are refused within a second", () => {
    const attributes = Array.from({ length: 1_000_000 }, (_, at) => `a${at}="1"`).join(" ");
    const laughs = `<!DOCTYPE l [<!ENTITY a "${"ha".repeat(1000)}">${"<!ENTITY b '&a;&a;'>".repeat(1000)}]><l>&b;</l>`;
    const bombs: [XmlFault, string][] = [
      ["doctype", laughs],
      ["too deep", "<a>".repeat(10_000) + "</a>".repeat(10_000)],
      ["too large", `<a ${attributes}/>`],
      ["too large", `<a>${"<b/>".repeat(1_000_001)}</a>`],
      ["too large", `<a>${"x".repeat(10_000_000)}</a>`],
      ["malformed", "<".repeat(900_000)],
    ];
    for (const [expected, bomb] of bombs) {
      const [begun, before] = [performance.now(), process.memoryUsage.rss()];
      expect(fault(bomb)).toBe(expected);
      expect(performance.now() - begun).toBeLessThan(1000);
      expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
    }
  });

  it("G2: the bounds are settable", () => {
    const document = "<a><b><c>text</c></b></a>";
    expect(fault(document, { maxBytes: 25, maxDepth: 3, maxTags: 6 })).toBe("accepted");
    expect(fault(document, { ...XML_LIMITS, maxBytes: 24 })).toBe("too large");
    expect(fault(Buffer.from(document), { ...XML_LIMITS, maxBytes: 24 })).toBe("too large");
    expect(fault(document, { ...XML_LIMITS, maxTags: 5 })).toBe("too large");
    expect(fault(document, { ...XML_LIMITS, maxDepth: 2 })).toBe("too deep");
  });
});
