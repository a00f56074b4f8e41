"""A host application of Sparkplug B 3.0, written from the specification (chapters 5 and 6), on paho-mqtt and protobuf.

Arguments: folder of the generated sparkplug_b_pb2, port of the broker on 127.0.0.1, 311 or 5, host ID, group.
Reads one order a line from stdin ({"do": "rebirth" | "write" | "stop", ...}) and prints what it saw, one JSON a line.
"""
import json
import sys
import threading
import time

FOLDER, PORT, VERSION, HOST, GROUP = sys.argv[1:6]
sys.path.insert(0, FOLDER)

import paho.mqtt.client as mqtt  # noqa: E402
import sparkplug_b_pb2 as spb  # noqa: E402

STATE = f"spBv1.0/STATE/{HOST}"
REBIRTH = "Node Control/Rebirth"
QUALITIES = {0: "bad", 192: "good", 500: "stale"}
#: Field of the value by data type (chapter 6.4.16).
FIELDS = {
    **dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"),
    **dict.fromkeys((4, 8, 13), "long_value"),
    **{9: "float_value", 10: "double_value", 11: "boolean_value"},
    **dict.fromkeys((12, 14, 15), "string_value"),
}
SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}


def now():
    return int(time.time() * 1000)


def say(event, **more):
    print(json.dumps({"saw": event, **more}), flush=True)


class Wrong(Exception):
    """A message that breaks a rule."""


class Metric:
    """A metric of a birth, with its value of now."""

    def __init__(self, sent):
        if not sent.HasField("name") or not sent.HasField("datatype"):
            raise Wrong("a metric of a birth has no name or no data type")
        self.name = sent.name
        self.type = sent.datatype
        self.alias = sent.alias if sent.HasField("alias") else None
        self.properties = {}
        self.value = None
        self.quality = 192
        self.take(sent)

    def take(self, sent):
        if not sent.HasField("timestamp"):
            raise Wrong(f"{self.name} has no timestamp")
        field = sent.WhichOneof("value")
        if sent.is_null == (field is not None):
            raise Wrong(f"{self.name} has neither a value nor is_null, or both")
        if field is not None and field != FIELDS.get(self.type):
            raise Wrong(f"{self.name} of type {self.type} came in {field}")
        properties = {}
        if len(sent.properties.keys) != len(sent.properties.values):
            raise Wrong(f"{self.name}: as many keys as values are due")
        for key, value in zip(sent.properties.keys, sent.properties.values):
            held = value.WhichOneof("value")
            if held != FIELDS.get(value.type):
                raise Wrong(f"{self.name}: property {key} of type {value.type} came in {held}")
            properties[key] = getattr(value, held)
        quality = properties.pop("Quality", 192)
        if quality not in QUALITIES:
            raise Wrong(f"{self.name}: quality {quality}")
        self.properties.update(properties)
        if sent.is_historical:
            return
        self.quality = quality
        self.value = None if field is None else getattr(sent, field)
        bits = SIGNED.get(self.type)
        if bits and self.value is not None and self.value >= 1 << (bits - 1):
            self.value -= 1 << bits


class Node:
    """What the host knows of an edge node."""

    def __init__(self, name):
        self.name = name
        self.online = False
        self.bd_seq = None
        self.seq = None
        self.metrics = {}
        self.devices = {}
        self.aliases = {}

    def receive(self, verb, device, payload):
        if not payload.HasField("timestamp"):
            raise Wrong("the payload has no timestamp")
        if verb == "NDEATH":
            return self.ndeath(payload)
        if not payload.HasField("seq") or not 0 <= payload.seq <= 255:
            raise Wrong("the payload has no seq from 0 to 255")
        if verb == "NBIRTH":
            return self.nbirth(payload)
        if not self.online:
            raise Wrong(f"{verb} of a node that is not born")
        if payload.seq != (self.seq + 1) % 256:
            raise Wrong(f"seq {payload.seq} after {self.seq}")
        self.seq = payload.seq
        if verb == "DBIRTH":
            self.devices[device] = self.birth(device, payload)
            return {"metrics": len(payload.metrics)}
        if device is not None and device not in self.devices:
            raise Wrong(f"{verb} of a device that is not born")
        if verb == "DDEATH":
            del self.devices[device]
            return {}
        return self.data(device, payload)

    def nbirth(self, payload):
        if payload.seq != 0:
            raise Wrong(f"NBIRTH has seq {payload.seq}")
        self.aliases = {}
        self.metrics = self.birth(None, payload)
        rebirth = self.metrics.get(REBIRTH)
        if rebirth is None or rebirth.type != 11 or rebirth.value is not False or rebirth.alias is not None:
            raise Wrong(f"{REBIRTH} is not a Boolean that is false, without an alias")
        self.bd_seq = self.metrics["bdSeq"].value
        # Devices stay alive over births that were asked for, but for those of another connection.
        if not self.online:
            self.devices = {}
        self.online = True
        self.seq = 0
        return {"bdSeq": self.bd_seq, "metrics": len(payload.metrics)}

    def ndeath(self, payload):
        if payload.HasField("seq") or [one.name for one in payload.metrics] != ["bdSeq"]:
            raise Wrong("NDEATH has a seq, or other metrics than bdSeq")
        bd_seq = payload.metrics[0].long_value
        if not self.online or bd_seq != self.bd_seq:
            return {"bdSeq": bd_seq, "ignored": True}
        self.online = False
        self.devices = {}
        return {"bdSeq": bd_seq}

    def birth(self, device, payload):
        metrics = {}
        for sent in payload.metrics:
            metric = Metric(sent)
            if metric.name in metrics:
                raise Wrong(f"two metrics {metric.name}")
            metrics[metric.name] = metric
            if metric.alias is None:
                continue
            other = self.aliases.get(metric.alias)
            if other and other[:2] != (device, metric.name):
                raise Wrong(f"alias {metric.alias} is {other[:2]}'s too")
            self.aliases[metric.alias] = (device, metric.name, metric)
        return metrics

    def data(self, device, payload):
        values = {}
        historical = 0
        for sent in payload.metrics:
            of, name, metric = self.aliases.get(sent.alias, (None, None, None))
            if metric is None or of != device:
                raise Wrong(f"alias {sent.alias} is not of a metric of {device or 'the node'}")
            if sent.HasField("name") or sent.HasField("datatype"):
                raise Wrong(f"{name}: data have a name or a data type")
            metric.take(sent)
            historical += sent.is_historical
            text = metric.value if metric.quality == 192 else f"{metric.value} ({QUALITIES[metric.quality]})"
            values[name] = text
        return {"values": values, **({"historical": historical} if historical else {})}


class Host:
    def __init__(self):
        self.nodes = {}
        self.lock = threading.Lock()
        self.born_at = now()
        protocol = mqtt.MQTTv5 if VERSION == "5" else mqtt.MQTTv311
        clean = {} if VERSION == "5" else {"clean_session": True}
        self.client = mqtt.Client(client_id=f"host-{HOST}", protocol=protocol, **clean)
        self.client.on_connect = self.connected
        self.client.on_message = self.received
        self.client.will_set(STATE, self.state(False), qos=1, retain=True)
        fresh = {"clean_start": True} if VERSION == "5" else {}
        self.client.connect("127.0.0.1", int(PORT), **fresh)

    def state(self, online, at=None):
        return json.dumps({"online": online, "timestamp": at or self.born_at})

    def connected(self, client, *_):
        client.subscribe([(STATE, 1), (f"spBv1.0/{GROUP}/#", 1)])
        client.publish(STATE, self.state(True), qos=1, retain=True)
        say("connected")

    def received(self, _client, _data, message):
        parts = message.topic.split("/")
        if parts[1] == "STATE":
            return say("STATE", online=json.loads(message.payload)["online"])
        verb, name, device = parts[2], parts[3], parts[4] if len(parts) > 4 else None
        if verb in ("NCMD", "DCMD"):
            return None
        where = {"node": name, **({"device": device} if device else {})}
        with self.lock:
            node = self.nodes.setdefault(name, Node(name))
            try:
                # Subscribed with QoS 1, so the QoS is that of the publisher.
                if message.qos != (1 if verb == "NDEATH" else 0) or message.retain:
                    raise Wrong(f"QoS {message.qos}, retain {message.retain}")
                payload = spb.Payload()
                payload.ParseFromString(message.payload)
                seq = {"seq": payload.seq} if payload.HasField("seq") else {}
                say(verb, **where, **seq, **node.receive(verb, device, payload))
            except Wrong as wrong:
                say("wrong", verb=verb, **where, why=str(wrong))
                self.rebirth(name)
        return None

    def send(self, verb, name, device, fill):
        payload = spb.Payload(timestamp=now())
        fill(payload.metrics.add(timestamp=now()))
        topic = "/".join(["spBv1.0", GROUP, verb, name, *([device] if device else [])])
        self.client.publish(topic, payload.SerializeToString(), qos=0)

    def rebirth(self, name):
        def fill(metric):
            metric.name, metric.datatype, metric.boolean_value = REBIRTH, 11, True

        self.send("NCMD", name, None, fill)

    def write(self, name, device, metric_name, value):
        with self.lock:
            metric = self.nodes[name].devices[device][metric_name]

        def fill(sent):
            sent.alias = metric.alias
            if value is None:
                sent.is_null = True
            else:
                setattr(sent, FIELDS[metric.type], value)

        def result(part):
            with self.lock:
                return self.nodes[name].devices[device][f"Results/{metric_name}/{part}"].value

        before = result("Id")
        self.send("DCMD", name, device, fill)
        end = time.monotonic() + 10
        while time.monotonic() < end and (result("Id") == before or result("Status") in ("pending", "accepted")):
            time.sleep(0.01)
        results = {part.lower(): result(part) for part in ("Status", "Message")}
        say("answer", metric=metric_name, wrote=value, **results, **metric.properties)

    def run(self):
        self.client.loop_start()
        for line in sys.stdin:
            order = json.loads(line)
            if order["do"] == "rebirth":
                self.rebirth(order["node"])
            elif order["do"] == "write":
                self.write(order["node"], order["device"], order["metric"], order["value"])
            else:
                break
        self.client.publish(STATE, self.state(False, now()), qos=1, retain=True).wait_for_publish()
        self.client.disconnect()
        self.client.loop_stop()


Host().run()
