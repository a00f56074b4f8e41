import fc from "fast-check";
import type {
  Field,
  Fields,
  GroupField,
  Operation,
  ScalarField,
} from "../../../../src/drivers/chargepoint/api/message.ts";

/**
 * Documents that answer an operation in every way a sender may write them: elements in any order, left out, repeated,
 * unknown, prefixed, empty, nil, with comments, CDATA, references and space anywhere.
 */
export function anyAnswer(operation: Operation): fc.Arbitrary<string> {
  const names = [operation.name, ...(operation.also ?? [])].map((name) => `${name}Response`);
  // A response that holds nothing is for the other reader.
  const content = contentOf(operation.response).map((inner) => inner);
  return fc
    .tuple(
      prolog,
      prefix,
      space,
      header,
      prefix,
      fc.constantFrom(...names),
      attributes,
      content,
      after,
      space,
    )
    .map(([start, env, gap, head, own, name, more, inner, extra, end]) => {
      const body = `<${own}${name}${more}>${inner}</${own}${name} >${gap}${extra}`;
      return `${start}<${env}Envelope xmlns:soapenv="urn:a">${gap}${head}<${env}Body>${gap}${body}</${env}Body\n>${gap}</${env}Envelope>${end}`;
    });
}

const space = fc.constantFrom("", "", " ", "\n", "\r\n  ", "\t", "<!-- a > & b -->");
const prefix = fc.constantFrom("", "", "", "ns1:", "a-b.c_:");
const prolog = fc.constantFrom(
  "",
  '<?xml version="1.0" encoding="UTF-8"?>\n',
  "\ufeff<?xml version='1.0'?><!-- a -->\r\n",
  "\n  <!-- before -->",
);
const header = fc.constantFrom(
  "",
  "<Header/>",
  "<s:Header><a>1&amp;2<b/></a></s:Header>",
  "<Header> x </Header>",
);
const after = fc.constantFrom(
  "",
  "",
  "<Fault><faultcode>no first one</faultcode></Fault>",
  "<x>a<y/></x>text",
);
const attributes = fc.constantFrom(
  ...["", "", "", "", ' a="1"', ' xsi:type="xsd:string"', " xsi:nil='true'", ' xsi:nil="0"', ' nil=" 1 "'],
  ...["\n\tx = 'it\"s'  y=\"é'\"", ' xmlns:nil="true"', ' xsi:nil="1" b:nil="false"', ' nilly="true"', " "],
);
const unknown = fc.constantFrom(
  ...["<unknown/>", "<p:other a='b'>text &lt;<in>1</in><![CDATA[<no>]]></p:other>", "<u><u><u/></u></u >"],
  ...["stray", "&#65;", "<![CDATA[ ]]>", "<![CDATA[x]]>", "<!-- <stationID>no</stationID> -->", "&#160;"],
);

function contentOf(fields: Fields): fc.Arbitrary<string> {
  const elements = Object.entries(fields).map(([name, field]) => ({
    arbitrary: elementOf(name, field),
    weight: 4,
  }));
  return fc
    .array(fc.oneof(...elements, { arbitrary: unknown, weight: 1 }, { arbitrary: space, weight: 4 }), {
      maxLength: 10,
    })
    .map((parts) => parts.join(""));
}

function elementOf(name: string, field: Field): fc.Arbitrary<string> {
  const element: ScalarField | GroupField = field.kind === "list" ? field.element : field;
  const content = element.kind === "group" ? contentOf(element.fields) : scalarOf(element);
  const tag = fc.tuple(prefix, fc.constantFrom(name, name, ...field.also)).map((parts) => parts.join(""));
  return fc.oneof(
    { arbitrary: fc.tuple(tag, content).map(([as, inner]) => `<${as}>${inner}</${as}>`), weight: 5 },
    {
      arbitrary: fc.tuple(tag, attributes, content, space).map(([as, more, inner, gap]) => {
        return `<${as}${more}>${inner}</${as}${gap.trim() === "" ? gap : ""}>`;
      }),
      weight: 3,
    },
    { arbitrary: fc.tuple(tag, attributes).map(([as, more]) => `<${as}${more}/>`), weight: 1 },
  );
}

const TEXTS: Partial<Record<ScalarField["type"], readonly string[]>> = {
  int: ["0", "12", "-3", "+4", "12.0", "1.5", "true", "FALSE", "9007199254740993", "0x1F", "007"],
  decimal: ["6.600", ".5", "5.", "-0", "1e3", "1e999", "6,6", "NaN", "0.1", "123456789012345678.25"],
  double: ["2.5E1", "1e-7", "INF", "0", "37.421998333", "--1", "1.2.3", "1_000"],
  boolean: ["true", "False", "1", "0", "yes"],
  long: ["12345678901234567890", "0", "-1"],
  dateTime: ["2021-12-07T21:05:05Z"],
};
const words = fc.constantFrom(
  ...[
    "None",
    " None ",
    "none",
    "1:12345",
    "AVAILABLE",
    "ORG / A STATION WITH A LONG NAME",
    "é€😀 grün",
    "\u00a0x\u00a0",
  ],
  ...[
    "&lt;&amp;&gt;",
    "&quot;a&apos;",
    "&#233;&#xE9;",
    "&#x1F600;",
    "&#13;",
    "&#32;",
    "<![CDATA[<&amp;]]>",
    "<![CDATA[]]>",
  ],
  ...[
    "<!-- c -->",
    "a<!-- c -->b",
    "<b/>",
    "<b>1</b>",
    "a > b ]]> c",
    "\r\n",
    "a\rb",
    "\u0001",
    "\u2028",
    "\ufeff",
    "",
    "  ",
  ],
);

function scalarOf({ type }: ScalarField): fc.Arbitrary<string> {
  const own = fc.constantFrom(...(TEXTS[type] ?? ["x"]));
  return fc.oneof(
    { arbitrary: own, weight: 4 },
    { arbitrary: fc.tuple(space, own, space).map((parts) => parts.join("")), weight: 2 },
    { arbitrary: fc.array(words, { maxLength: 3 }).map((parts) => parts.join("")), weight: 3 },
    { arbitrary: fc.integer({ min: 0, max: 10 ** 9 }).map((n) => String(n / 1000)), weight: 1 },
  );
}

const NASTY = [
  ...[
    "<",
    ">",
    "&",
    '"',
    "'",
    "/",
    "=",
    " ",
    "?",
    "!",
    "-",
    "--",
    "]]>",
    "<!--",
    "-->",
    "<!-->",
    "<![CDATA[",
    "</",
    "/>",
  ],
  ...[
    "&bogus;",
    "&nbsp;",
    "&constructor;",
    "&#0;",
    "&#xD800;",
    "&#x110000;",
    "&#99999999;",
    "&#X41;",
    "&#;",
    "&amp",
    "&LT;",
  ],
  ...[
    "<!DOCTYPE a>",
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    "<!doctype html>",
    "<html>",
    "<!ELEMENT a>",
    "<!-- a -- b -->",
  ],
  ...[
    "<x>",
    "</x>",
    "<x/>",
    "<x a=1/>",
    "<x a='1' a='2'/>",
    "<x a='<'/>",
    "<x a='>'/>",
    "<x a='/>'>",
    "<x a/>",
    "<x a='1'b='2'/>",
  ],
  ...[
    "<x a='&lt;' xsi:nil='tr&#117;e'/>",
    "<x/ >",
    "< x/>",
    "<1/>",
    "<é/>",
    "<a:b:c/>",
    "<:a/>",
    "<a:/>",
    "<x\u00a0/>",
  ],
  ...[
    "<__proto__>1</__proto__>",
    "<constructor/>",
    "<prototype/>",
    "<toString>1</toString>",
    "<x __proto__='1'/>",
  ],
  ...[
    "<?pi x?>",
    "<?pi <a>?>",
    "<?xml version='1.0'?>",
    "<?pi",
    "?>",
    "\u0000",
    "\u000b",
    "\u000c",
    "\u0085",
    "\ud800",
    "\uffff",
  ],
  ...["<Body/>", "</Body>", "<Body><x/></Body>", "</Envelope>", "<Envelope/>", "<Fault/>", "text", "\ufeff"],
  ...["<d>".repeat(70), `${"<d>".repeat(59)}${"</d>".repeat(59)}`, `${"<d>".repeat(61)}${"</d>".repeat(61)}`],
];

/** Sound, or taken for it, and seldom seen. */
const ODD = [
  ...[
    "<?pi x?>",
    "<x a='>'/>",
    '<x a="a/>b"/>',
    "<x a='&lt;' xsi:nil='tr&#117;e'/>",
    "<é/>",
    "<toString>1</toString>",
  ],
  ...[
    "<x a='\n'/>",
    "<a:b:c/>",
    "&#9;",
    "&constructor;",
    "]]>",
    "<!-- a -- b -->",
    "<!---->",
    "<![CDATA[]]]]>",
    "\u0000",
    "\ufeff",
  ],
  ...[
    "<x  ></x\n>",
    "<Body><x/></Body>",
    "<Header/>",
    "<Fault/>",
    "<x xmlns:a='u'><a:y/></x>",
    "<stationID/>",
    "\u00a0",
  ],
];

/** Documents changed in one to three places: most are broken, some only odd. */
export function damaged(documents: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const change = fc.oneof(
    fc.record({ kind: fc.constant("cut" as const), from: place }),
    fc.record({ kind: fc.constant("delete" as const), from: place, length: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant("repeat" as const), from: place, length: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ kind: fc.constant("byte" as const), from: place, byte: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constant("insert" as const), from: place, text: fc.constantFrom(...NASTY) }),
    fc.record({ kind: fc.constant("insert" as const), from: place, text: fc.constantFrom(...NASTY) }),
    fc.record({ kind: fc.constant("at a tag" as const), from: place, text: fc.constantFrom(...NASTY) }),
    ...[1, 2, 3, 4].map(() =>
      fc.record({ kind: fc.constant("at a tag" as const), from: place, text: fc.constantFrom(...ODD) }),
    ),
    fc.record({ kind: fc.constant("at the end" as const), text: fc.constantFrom(...NASTY) }),
  );
  return fc.tuple(documents, fc.array(change, { minLength: 1, maxLength: 3 })).map(([document, changes]) => {
    let bytes = Buffer.from(document);
    for (const one of changes) {
      const at = "from" in one ? Math.floor(one.from * bytes.length) : bytes.length;
      const [before, rest] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (one.kind === "cut") bytes = before;
      else if (one.kind === "delete") bytes = Buffer.concat([before, rest.subarray(one.length)]);
      else if (one.kind === "repeat") bytes = Buffer.concat([before, rest.subarray(0, one.length), rest]);
      else if (one.kind === "byte") bytes = Buffer.concat([before, Buffer.of(one.byte), rest.subarray(1)]);
      else if (one.kind === "at a tag") {
        const tag = Math.max(0, bytes.indexOf("<", at));
        bytes = Buffer.concat([bytes.subarray(0, tag), Buffer.from(one.text), bytes.subarray(tag)]);
      } else bytes = Buffer.concat([before, Buffer.from(one.text), rest]);
    }
    return bytes;
  });
}
