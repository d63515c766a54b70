"""A chat on Flask-SocketIO with eventlet, started by socketio.run() as its page "Deployment" says. One argument: the port.

eventlet serves 1,024 connections unless max_size says more; logging is off, as outside debug mode."""
import eventlet

eventlet.monkey_patch()

import resource  # noqa: E402
import sys  # noqa: E402

from flask import Flask, request  # noqa: E402
from flask_socketio import SocketIO, emit, join_room  # noqa: E402

CONNECTIONS_MAX = 20000

app = Flask(__name__)
socketio = SocketIO(app, async_mode="eventlet")
room_of: dict[str, str] = {}


@socketio.on("join")
def on_join(room: str) -> None:
    join_room(room)
    room_of[request.sid] = room


@socketio.on("message")
def on_message(text: str) -> None:
    emit("message", text, to=room_of[request.sid])


@socketio.on("disconnect")
def on_disconnect(*_: object) -> None:
    room_of.pop(request.sid, None)


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), max_size=CONNECTIONS_MAX)
