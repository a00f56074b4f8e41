"""Calls operations with zeep as its documentation shows it. Reads {wsdl, username, password, calls: [[operation,
parameters], ...]} from standard input and writes what each call gave: {"answer": ...} or {"fault": code}."""

import datetime
import decimal
import json
import sys

import zeep
import zeep.exceptions
import zeep.helpers
from zeep.wsse.username import UsernameToken


def tagged(value):
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return {type(value).__name__: value.isoformat()}
    raise TypeError(type(value).__name__)


def call(client, operation, parameters):
    try:
        answer = getattr(client.service, operation)(**parameters)
    except zeep.exceptions.Fault as fault:
        return {"fault": fault.code}
    return {"answer": zeep.helpers.serialize_object(answer, dict)}


task = json.load(sys.stdin)
client = zeep.Client(task["wsdl"], wsse=UsernameToken(task["username"], task["password"]))
json.dump([call(client, *each) for each in task["calls"]], sys.stdout, default=tagged)
