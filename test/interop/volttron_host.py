"""Stands in for the VOLTTRON platform around the agent of examples/volttron-agent: the few names of it that the agent imports,
with the behaviour that VOLTTRON 9.0.4 documents for them, and nothing else.

Reads one JSON object a line: {"call": [verb, args, kwargs], "peer", "id"} or {"publish": [topic, headers, message], "sender"}.
Writes one a line: {"published": [topic, headers, message]}, {"id", "result"} or {"id", "error": [exc_type, text]}.
"""

import json
import logging
import sys
import threading
import time
import types
from datetime import datetime, timezone

config_path, agent_folder = sys.argv[1:3]
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
output = threading.Lock()


def write(**event):
    with output:
        print(json.dumps(event), flush=True)


class PubSub:
    def __init__(self):
        self.subscriptions = []

    def subscribe(self, peer, prefix, callback):
        self.subscriptions.append((prefix, callback))

    def publish(self, peer, topic, headers=None, message=None, bus=""):
        write(published=[topic, headers, message])
        self.deliver(agent.core.identity, topic, headers, message)

    def deliver(self, sender, topic, headers, message):
        for prefix, callback in self.subscriptions:
            if topic.startswith(prefix):
                callback("pubsub", sender, "", topic, headers, message)


class Core:
    identity = "voltbridge"

    @staticmethod
    def receiver(name):
        return lambda method: setattr(method, "receives", name) or method

    def spawn(self, work):
        threading.Thread(target=work, daemon=True).start()


class RPC:
    @staticmethod
    def export(method):
        method.exported = True
        return method


class Agent:
    def __init__(self, **kwargs):
        self.core = Core()
        context = threading.local()
        self.vip = types.SimpleNamespace(pubsub=PubSub(), rpc=types.SimpleNamespace(context=context))

    def receive(self, name):
        for method in (getattr(self, one) for one in dir(self)):
            if getattr(method, "receives", None) == name:
                method(sender=None)


def module(name, **members):
    made = sys.modules[name] = types.ModuleType(name)
    made.__dict__.update(members)
    return made


def load_config(path):
    with open(path) as file:
        return json.load(file)


utils = module(
    "volttron.platform.agent.utils",
    setup_logging=lambda: None,
    load_config=load_config,
    get_aware_utc_now=lambda: datetime.now(timezone.utc),
    format_timestamp=lambda at: at.isoformat(),
)
module("gevent", sleep=time.sleep)
module("volttron")
module("volttron.platform")
module("volttron.platform.agent", utils=utils)
module("volttron.platform.vip")
module("volttron.platform.vip.agent", Agent=Agent, Core=Core, RPC=RPC)
sys.path.insert(0, agent_folder)
from voltbridge_agent.agent import VoltbridgeAgent  # noqa: E402

agent = VoltbridgeAgent(config_path)
agent.receive("onstart")


def call(request):
    verb, args, kwargs = request["call"]
    agent.vip.rpc.context.vip_message = types.SimpleNamespace(peer=request["peer"])
    method = getattr(agent, verb)
    assert method.exported
    try:
        write(id=request["id"], result=method(*args, **kwargs))
    except Exception as error:
        kind = type(error)
        write(id=request["id"], error=[kind.__module__ + "." + kind.__name__, str(error)])


for line in sys.stdin:
    request = json.loads(line)
    if "call" in request:
        threading.Thread(target=call, args=(request,), daemon=True).start()
    else:
        agent.vip.pubsub.deliver(request["sender"], *request["publish"])
agent.receive("onstop")
