#!/usr/bin/env python3
"""Prints every scrape that a bridge publishes: when, which device, and the values that are not null.

Usage: subscribe.py [--url mqtt://127.0.0.1:1883] [--count N]
Needs paho-mqtt, version 1 or 2 (Debian: python3-paho-mqtt; elsewhere: pip install paho-mqtt).
"""

import argparse
import json
import sys
from urllib.parse import urlparse

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser(description="Print the scrapes of a voltbridge.")
parser.add_argument("--url", default="mqtt://127.0.0.1:1883")
parser.add_argument("--count", type=int, help="leave after so many scrapes")
args = parser.parse_args()
url = urlparse(args.url)
seen = 0


def on_connect(client, userdata, flags, reason, *properties):
    # Subscribing here does it again after every reconnect.
    client.subscribe("devices/#", qos=1)


def on_message(client, userdata, message):
    global seen
    if not message.topic.endswith("/all") or (args.count is not None and seen >= args.count):
        return
    values, metadata, headers = json.loads(message.payload)
    device = message.topic[len("devices/") : -len("/all")]
    known = {point: value for point, value in values.items() if value is not None}
    print(headers["TimeStamp"], device, known, flush=True)
    seen += 1
    if args.count is not None and seen >= args.count:
        client.disconnect()


if hasattr(mqtt, "CallbackAPIVersion"):  # paho-mqtt 2
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
else:
    client = mqtt.Client()
client.on_connect = on_connect
client.on_message = on_message
if url.username:
    client.username_pw_set(url.username, url.password)
try:
    client.connect(url.hostname or "127.0.0.1", url.port or 1883)
except OSError as error:
    sys.exit(f"no broker at {args.url}: {error}")
client.loop_forever()
