"""What a Python program does with Debian's python3-socketio: chat.py URL TOKEN ROOM polling|websocket|both

Signs in, sends, hears it, is refused what is refused, goes on from a saved cursor, joins a second namespace. Prints one
JSON line with what it saw; python_socketio.test.ts looks at it.
"""

import json
import sys
import threading

import socketio

LIMIT_S = 20
url, token, room, way = sys.argv[1:5]
transports = ["polling", "websocket"] if way == "both" else [way]


class Listener:
    """One client: every event by name, and a wait for the one that matches."""

    def __init__(self, auth, namespace="/"):
        self.namespace = namespace
        self.events = []
        self.changed = threading.Condition()
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", self.hear, namespace=namespace)
        for name in ("session.started", "message.created"):
            self.client.on(name, lambda event, *rest, name=name: self.hear(name, event), namespace=namespace)
        self.client.connect(url, auth=auth, transports=transports, namespaces=[namespace], wait_timeout=LIMIT_S)

    def hear(self, name, event, *_rest):
        with self.changed:
            self.events.append((name, event))
            self.changed.notify_all()

    def wait(self, name, matches=lambda event: True):
        with self.changed:
            found = lambda: [event for one, event in self.events if one == name and matches(event)]
            assert self.changed.wait_for(found, LIMIT_S), f"no {name}: {self.events}"
            return found()[0]

    def texts(self):
        return [event["data"]["message"]["text"] for name, event in self.events if name == "message.created"]

    def say(self, text):
        params = {"room": room, "text": text, "nonce": text}
        return self.client.call("message.send", params, namespace=self.namespace, timeout=LIMIT_S)


def refusal(auth, namespace="/"):
    """The message with which a namespace is refused."""
    heard, errors = threading.Event(), []
    client = socketio.Client(reconnection=False)

    def on_error(error):
        errors.append(error["message"])
        heard.set()

    client.on("connect_error", on_error, namespace=namespace)
    client.connect(url, auth=auth, transports=transports, namespaces=[namespace], wait=False)
    assert heard.wait(LIMIT_S), "no connect_error"
    client.disconnect()
    return errors[0]


first = Listener({"token": token, "rooms": [room]})
cursor = first.wait("session.started")["data"]["cursor"]
reply = first.say(f"{way} from Python")
first.wait("message.created", lambda event: event["data"]["message"]["text"] == f"{way} from Python")
unknown = first.client.call("nothing.like_it", {}, timeout=LIMIT_S)
binary = first.client.call("message.send", {"room": room, "text": b"bytes"}, timeout=LIMIT_S)
used = first.client.transport()
first.client.disconnect()

again = Listener({"token": token, "rooms": [room], "cursor": cursor})
resumed = again.wait("session.started")["data"]["resumed"]
again.wait("message.created")
again.client.disconnect()

second = Listener({"token": token, "rooms": [room]}, "/second")
second.wait("session.started")
second.say(f"{way} in the second")
second.wait("message.created", lambda event: event["data"]["message"]["text"] == f"{way} in the second")
second.client.disconnect()

print(json.dumps({
    "transport": used,
    "seq": reply["result"]["message"]["seq"],
    "unknown": unknown["error"]["code"],
    "binary": binary["error"]["code"],
    "resumed": resumed,
    "texts": again.texts(),
    "stranger": refusal({}),
    "nowhere": refusal({"token": token}, "/nowhere"),
}))
