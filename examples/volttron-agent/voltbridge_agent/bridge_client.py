"""MQTT side of the agent: messages of a bridge, calls to it, and their answers. Knows nothing of VOLTTRON.

Runs with paho-mqtt 1.6 and 2. Paho's thread only fills bounded queues; whoever owns the client empties them, so that no
callback runs in a thread that VOLTTRON's gevent does not know.
"""

import collections
import json
import logging
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote, urlparse

import paho.mqtt.client as mqtt

_log = logging.getLogger(__name__)

# Calls that may be sent again under the same id: the bridge carries a command out once.
REPEATABLE = {
    "get_point", "get_multiple_points", "scrape_all", "set_point", "set_multiple_points", "revert_point", "revert_device",
}
MOST_PENDING = 1000


class BridgeError(Exception):
    """An error that the bridge answered with. `kind` is its type, e.g. ScheduleError."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


class BridgeClient:
    """One connection to the broker of a bridge. `sleep` waits without blocking the other greenlets."""

    def __init__(self, config, sleep=time.sleep):
        self._url = urlparse(config.get("url", "mqtt://127.0.0.1:1883"))
        self._base = config.get("base_topic", "").strip("/")
        self._base = self._base + "/" if self._base else ""
        self._instance = config.get("instance", "voltbridge")
        self._user_topic = config.get("user_topic", "")
        self._timeout = float(config.get("call_timeout", 90))
        self._version = int(config.get("protocol_version", 4))
        self._sleep = sleep
        self._filters = [self._base + one for one in config["topics"]]
        self._messages = collections.deque(maxlen=int(config.get("queue_size", 10000)))
        self._lock = threading.Lock()
        # Calls without an answer yet, by id: (topic, payload, whether it may be sent again).
        self._pending = {}
        self._answers = {}
        self.dropped = 0
        self.connected = False
        self.devices = frozenset()
        self._client = self._make_client(config)

    def _make_client(self, config):
        protocol = mqtt.MQTTv5 if self._version == 5 else mqtt.MQTTv311
        name = config.get("client_id", "volttron-" + uuid.uuid4().hex[:12])
        if hasattr(mqtt, "CallbackAPIVersion"):  # paho-mqtt 2
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)
        else:
            client = mqtt.Client(client_id=name, protocol=protocol)
        username = config.get("username") or (self._url.username and unquote(self._url.username))
        if username:
            client.username_pw_set(username, config.get("password") or unquote(self._url.password or ""))
        if self._url.scheme == "mqtts":
            client.tls_set(ca_certs=config.get("ca"))
        client.reconnect_delay_set(1, 30)
        client.max_queued_messages_set(MOST_PENDING)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def start(self):
        port = self._url.port or (8883 if self._url.scheme == "mqtts" else 1883)
        self._client.connect_async(self._url.hostname or "127.0.0.1", port, keepalive=30)
        self._client.loop_start()

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, most=500):
        """Returns the messages that came since the last time, as (topic, payload, user properties)."""
        taken = []
        while self._messages and len(taken) < most:
            taken.append(self._messages.popleft())
        return taken

    def publish(self, topic, payload):
        """Sends one request by topic. Raises ConnectionError where there is no broker: nothing is kept for later."""
        if not self.connected:
            raise ConnectionError("there is no connection to the bridge's broker; nothing was sent")
        self._client.publish(self._addressed(topic), json.dumps(payload), qos=1)

    def call(self, verb, params, requester=None):
        """Calls one verb of the bridge and waits for its answer. Raises BridgeError, ConnectionError, TimeoutError."""
        if not self.connected:
            raise ConnectionError("there is no connection to the bridge's broker; nothing was sent")
        if len(self._pending) >= MOST_PENDING:
            raise ConnectionError("{} calls wait for an answer already; nothing was sent".format(MOST_PENDING))
        ident = uuid.uuid4().hex
        expires = datetime.now(timezone.utc) + timedelta(seconds=self._timeout)
        request = {"jsonrpc": "2.0", "id": ident, "command_id": ident, "params": params}
        request["expires_at"] = expires.isoformat()
        if requester:
            request["requester"] = requester
        topic = self._addressed("voltbridge/{}/rpc/{}".format(self._instance, verb))
        payload = json.dumps(request)
        self._pending[ident] = (topic, payload, verb in REPEATABLE)
        try:
            self._client.publish(topic, payload, qos=1)
            end = time.monotonic() + self._timeout
            while ident not in self._answers:
                if time.monotonic() > end:
                    raise TimeoutError(
                        "the bridge did not answer within {:g} s; whether the call was carried out is not known: read the "
                        "point before you send it again".format(self._timeout))
                self._sleep(0.02)
            answer = self._answers.pop(ident)
        finally:
            with self._lock:
                self._pending.pop(ident, None)
                self._answers.pop(ident, None)
        error = answer.get("error")
        if error is None:
            return answer.get("result")
        data = error.get("data") or {}
        raise BridgeError(data.get("type", "Error"), data.get("detail", error.get("message", "")))

    def _addressed(self, topic):
        """Returns the topic below the base, signed with the user where the bridge takes names from topics."""
        signed = "as/{}/".format(self._user_topic) if self._user_topic else ""
        return self._base + signed + topic

    def _on_connect(self, client, userdata, flags, reason, *properties):
        code = getattr(reason, "value", reason)
        if code != 0:
            _log.error("the broker refuses the connection: %s", reason)
            return
        own = self._base + "voltbridge/{}/".format(self._instance)
        wanted = self._filters + [own + "info", own + "rpc/+/response"]
        client.subscribe([(one, 1) for one in wanted])
        self.connected = True
        _log.info("connected to the bridge's broker")
        for topic, payload, again in list(self._pending.values()):
            if again:
                client.publish(topic, payload, qos=1)

    def _on_disconnect(self, client, userdata, *reason):
        if self.connected:
            _log.warning("the connection to the bridge's broker is lost; connecting again")
        self.connected = False

    def _on_message(self, client, userdata, message):
        try:
            self._receive(message)
        except Exception:
            _log.exception("a message on %s cannot be read", message.topic)

    def _receive(self, message):
        topic = message.topic[len(self._base):]
        own = "voltbridge/{}/".format(self._instance)
        if topic.startswith(own + "rpc/"):
            answer = _parsed(message.payload)
            with self._lock:
                if isinstance(answer, dict) and answer.get("id") in self._pending:
                    self._answers[answer["id"]] = answer
        elif topic == own + "info":
            info = _parsed(message.payload) if message.payload else {}
            self.devices = frozenset(info.get("devices", []))
        else:
            properties = dict(getattr(getattr(message, "properties", None), "UserProperty", []))
            with self._lock:
                if len(self._messages) == self._messages.maxlen:
                    self.dropped += 1
                self._messages.append((topic, _parsed(message.payload), properties))


def _parsed(payload):
    return json.loads(payload.decode("utf-8"))

