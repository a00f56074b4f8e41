"""VOLTTRON agent beside a voltbridge: what the bridge publishes over MQTT appears on VOLTTRON's message bus, and what agents
ask of an actuator goes to the bridge, whose answer they get. See README.md."""

import logging
import sys

import gevent
from volttron.platform.agent import utils
from volttron.platform.vip.agent import Agent, Core, RPC

from voltbridge_agent.bridge_client import BridgeClient, BridgeError

utils.setup_logging()
_log = logging.getLogger(__name__)
__version__ = "1.0"

ACTUATORS = "devices/actuators/"
# Topics of the bridge that appear on the bus. Requests are not among them: they go the other way.
FROM_BRIDGE = ["devices/#", "heartbeat/+"]
ANSWERS = ("value/", "error/", "reverted/", "write/", "schedule/result", "schedule/announce/")
REQUESTS = ("get/", "set/", "revert/point/", "revert/device/")
# VOLTTRON's names for errors of the bridge; others keep theirs.
VOLTTRON_ERRORS = {
    "ScheduleError": ("actuator.agent", "LockError"),
    "OverrideError": ("platform_driver.agent", "OverrideError"),
    "PointNotFoundError": ("platform_driver.interfaces", "DriverInterfaceError"),
    "DeviceNotFoundError": ("builtins", "KeyError"),
    "PointReadOnlyError": ("builtins", "OSError"),
    "InvalidValueError": ("builtins", "ValueError"),
    "BadPayloadError": ("builtins", "ValueError"),
    "BadParamsError": ("builtins", "ValueError"),
    "RequesterError": ("builtins", "TypeError"),
}
MOST_TASKS = 10000


def volttron_error(error):
    """Returns an exception whose class has VOLTTRON's module and name: its JSON-RPC sends both to the caller."""
    module, name = VOLTTRON_ERRORS.get(error.kind, (BridgeError.__module__, error.kind))
    return type(name, (BridgeError,), {"__module__": module})(error.kind, str(error))


def bus_message(topic, body, properties):
    """Returns headers and message of a message of the bridge, in each form that `mqtt.answers` and `mqtt.headers` give it."""
    if isinstance(body, dict) and set(body) == {"headers", "message"}:
        return body["headers"], body["message"]
    local = topic[len(ACTUATORS):] if topic.startswith(ACTUATORS) else ""
    if isinstance(body, dict) and (local.startswith("error/") or local == "schedule/result"):
        own = ("type", "value") if local.startswith("error/") else ("result", "info", "data")
        headers = {key: value for key, value in body.items() if key not in own}
        return {**properties, **headers}, {key: body[key] for key in own if key in body}
    if isinstance(body, list) and len(body) in (2, 3) and isinstance(body[1], dict):
        headers = {**properties, **(body[2] if len(body) == 3 else {})}
        # On the bus an answer and a heartbeat are the bare value; a reading has its metadata beside it.
        return headers, body[0] if local or topic.startswith("heartbeat/") else body[:2]
    return properties, body


class VoltbridgeAgent(Agent):
    """Republishes a bridge's topics, and exports the calls of VOLTTRON's actuator."""

    def __init__(self, config_path, **kwargs):
        super().__init__(**kwargs)
        config = utils.load_config(config_path)
        self._forward_topics = bool(config.get("forward_topics", True))
        self._tasks = {}
        self._dropped = 0
        self._stopping = False
        self.bridge = BridgeClient({**config, "topics": config.get("topics", FROM_BRIDGE)}, sleep=gevent.sleep)

    @Core.receiver("onstart")
    def onstart(self, sender, **kwargs):
        if self._forward_topics:
            self.vip.pubsub.subscribe(peer="pubsub", prefix=ACTUATORS.rstrip("/"), callback=self.on_request)
        self.bridge.start()
        self.core.spawn(self._republish)

    @Core.receiver("onstop")
    def onstop(self, sender, **kwargs):
        self._stopping = True
        self.bridge.stop()

    def _republish(self):
        while not self._stopping:
            for topic, body, properties in self.bridge.take():
                self._publish(topic, body, properties)
            if self.bridge.dropped > self._dropped:
                _log.error("%d messages of the bridge were dropped: the bus takes fewer than come", self.bridge.dropped)
                self._dropped = self.bridge.dropped
            gevent.sleep(0.05)

    def _publish(self, topic, body, properties):
        if topic.startswith(ACTUATORS) and not topic[len(ACTUATORS):].startswith(ANSWERS):
            return
        try:
            headers, message = bus_message(topic, body, properties)
            self.vip.pubsub.publish("pubsub", topic, headers=headers, message=message)
        except Exception:
            _log.exception("%s cannot be published on the bus", topic)

    # Requests on the bus. Those for devices that the bridge does not have are for others.

    def on_request(self, peer, sender, bus, topic, headers, message):
        local = topic[len(ACTUATORS):]
        if sender == self.core.identity:
            return
        if local == "schedule/request":
            if not self._is_ours(headers, message):
                return
            failed = {"result": "FAILURE", "data": {}}
            self._forward(topic, sender, headers, message, ACTUATORS + "schedule/result", failed)
        elif local.startswith(REQUESTS):
            target = next(local[len(one):] for one in REQUESTS if local.startswith(one))
            device = target if local.startswith("revert/device/") else target.rpartition("/")[0]
            if device in self.bridge.devices:
                self._forward(topic, sender, headers, message, ACTUATORS + "error/" + target, None)

    def _is_ours(self, headers, message):
        """Whether a request to the scheduler names a device of the bridge, or cancels a task that did."""
        task = headers.get("taskID")
        if headers.get("type") == "CANCEL_SCHEDULE":
            return self._tasks.pop(task, None) is not None
        if not any(device in self.bridge.devices for device in _texts(message)):
            return False
        if len(self._tasks) >= MOST_TASKS:
            self._tasks.pop(next(iter(self._tasks)))
        self._tasks[task] = True
        return True

    def _forward(self, topic, sender, headers, message, failure_topic, failure):
        """Sends a request to the bridge. Its answer comes back by topic; only a failure to send is published here."""
        said = {name: headers[name] for name in ("type", "taskID", "priority") if name in headers}
        envelope = {"headers": {**said, "requesterID": sender}, "message": message}
        try:
            self.bridge.publish(topic, envelope)
        except ConnectionError as error:
            told = {**said, "requesterID": sender, "time": utils.format_timestamp(utils.get_aware_utc_now())}
            name = type(error).__name__
            body = {"type": name, "value": str(error)}
            if failure is not None:
                body = {**failure, "info": "{}: {}".format(name, error)}
            self.vip.pubsub.publish("pubsub", failure_topic, headers=told, message=body)

    # Calls with the signatures of VOLTTRON's actuator. As there, the requester is the caller's identity.

    def _call(self, verb, writes=True, **params):
        requester = self.vip.rpc.context.vip_message.peer if writes else None
        given = {name: value for name, value in params.items() if value is not None or name == "value"}
        try:
            return self.bridge.call(verb, given, requester)
        except BridgeError as error:
            raise volttron_error(error) from None

    @RPC.export
    def get_point(self, topic, point=None, **kwargs):
        return self._call("get_point", writes=False, topic=topic, point=point, **kwargs)

    @RPC.export
    def set_point(self, requester_id, topic, value, point=None, **kwargs):
        return self._call("set_point", topic=topic, value=value, point=point, **kwargs)

    @RPC.export
    def revert_point(self, requester_id, topic, point=None, **kwargs):
        return self._call("revert_point", topic=topic, point=point, **kwargs)

    @RPC.export
    def revert_device(self, requester_id, topic, **kwargs):
        return self._call("revert_device", topic=topic, **kwargs)

    @RPC.export
    def scrape_all(self, topic):
        return self._call("scrape_all", writes=False, topic=topic)

    @RPC.export
    def get_multiple_points(self, topics, **kwargs):
        return self._call("get_multiple_points", writes=False, topics=topics, **kwargs)

    @RPC.export
    def set_multiple_points(self, requester_id, topics_values, **kwargs):
        return self._call("set_multiple_points", topics_values=topics_values, **kwargs)

    @RPC.export
    def request_new_schedule(self, requester_id, task_id, priority, requests):
        return self._call("request_new_schedule", task_id=task_id, priority=priority, requests=requests)

    @RPC.export
    def request_cancel_schedule(self, requester_id, task_id):
        return self._call("request_cancel_schedule", task_id=task_id)


def _texts(value):
    """Returns every text in nested lists: devices and times of a request's slots."""
    if isinstance(value, str):
        return [value.strip("/")]
    return [text for one in value for text in _texts(one)] if isinstance(value, (list, tuple)) else []


def main():
    utils.vip_main(VoltbridgeAgent, identity="voltbridge", version=__version__)


if __name__ == "__main__":
    sys.exit(main())
