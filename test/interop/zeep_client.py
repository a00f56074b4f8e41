"""Calls operations with zeep. Reads {wsdl, username, password, settings, calls: [[operation, parameters], ...]} from
standard input and writes what each call gave: {"answer": ...} or {"fault": code}. A call with the name of a type is
made as VOLTTRON's driver makes it: a query of that type, filled one attribute at a time, is the only argument."""

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


def call(client, operation, parameters, type_name=None):
    service = getattr(client.service, operation)
    try:
        answer = service(filled(client, type_name, parameters)) if type_name else service(**parameters)
    except zeep.exceptions.Fault as fault:
        return {"fault": fault.code}
    return {"answer": zeep.helpers.serialize_object(answer, dict)}


def filled(client, type_name, values):
    query = client.get_type("ns0:" + type_name)()
    for name, value in values.items():
        setattr(query, name, value)
    return query


task = json.load(sys.stdin)
settings = zeep.Settings(**task["settings"])
token = UsernameToken(task["username"], task["password"])
client = zeep.Client(task["wsdl"], wsse=token, settings=settings)
json.dump([call(client, *each) for each in task["calls"]], sys.stdout, default=tagged)
