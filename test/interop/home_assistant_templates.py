"""Renders value templates as Home Assistant does (helpers/template, mqtt/models.py), for what the documents of discovery use.

Reads a JSON list of {"template", "payload"} and writes one of {"text", "trouble"}: what the template renders to, and what Home
Assistant would write to its log.
"""

import json
import sys

from jinja2 import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

trouble = []


class ReportedUndefined(Undefined):
    """Home Assistant renders what is undefined as empty text, and warns."""

    def _report(self):
        trouble.append(f"undefined: {self._undefined_message}")

    def __str__(self):
        self._report()
        return ""

    def __iter__(self):
        self._report()
        return iter(())

    def __bool__(self):
        self._report()
        return False


NO_DEFAULT = object()


def converted(convert, name):
    """Home Assistant's int and float refuse what is no number unless they get a default."""

    def apply(value, default=NO_DEFAULT):
        try:
            return convert(value)
        except (TypeError, ValueError):
            if default is NO_DEFAULT:
                raise ValueError(f"{name} got invalid input {value!r} and no default") from None
            return default

    return apply


environment = ImmutableSandboxedEnvironment(undefined=ReportedUndefined)
environment.filters["int"] = converted(int, "int")
environment.filters["float"] = converted(float, "float")
environment.filters["to_json"] = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
templates = {}


def render(template, payload):
    trouble.clear()
    variables = {"value": payload}
    try:
        variables["value_json"] = json.loads(payload)
    except ValueError:
        pass
    try:
        compiled = templates.get(template) or environment.from_string(template)
        templates[template] = compiled
        text = compiled.render(variables).strip()
    except Exception as error:  # noqa: BLE001
        return {"text": None, "trouble": [f"{type(error).__name__}: {error}"]}
    return {"text": text, "trouble": list(trouble)}


# With --lines, one list a line, until the input ends.
for text in sys.stdin if "--lines" in sys.argv else [sys.stdin.read()]:
    print(json.dumps([render(each["template"], each["payload"]) for each in json.loads(text)]), flush=True)
