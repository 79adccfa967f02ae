"""The platform's end of the broker, as a hospital meets it: two exchanges, queues, users with their permissions."""

import contextlib
import json
import socket
import threading
import time
import uuid
from urllib.parse import quote, urlsplit

import pika
from haoyuan_roster_format import RESULT_TYPE

INTAKE = "schedule-svc.rosters"
PASSWORD = "pass/word"


class Broker:
    """A virtual host with Haoyuan's exchanges; `channel` may do everything."""

    def __init__(self, url):
        self.admin_url = url
        self.vhost = urlsplit(url).path.lstrip("/")
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self._connection.channel()
        for exchange in ("roster.in", "roster.out"):
            self.channel.exchange_declare(exchange, "topic", durable=True)
        self.channel.queue_declare(INTAKE, durable=True)
        self.bind()
        for hospital in ("eastgate", "westgate"):
            self.channel.queue_declare(f"roster.results.{hospital}", durable=True)
            self.channel.queue_bind(f"roster.results.{hospital}", "roster.out", f"res.{hospital}")

    def bind(self):
        self.channel.queue_bind(INTAKE, "roster.in", "#")

    def unbind(self):
        self.channel.queue_unbind(INTAKE, "roster.in", "#")

    def url(self, user, password=PASSWORD, *, vhost=None, port=None):
        where = urlsplit(self.admin_url)
        return f"amqp://{user}:{quote(password, safe='')}@{where.hostname}:{port or where.port}/{vhost or self.vhost}"

    def take(self, queue=INTAKE):
        """All that waits in a queue, with its properties."""
        taken = []
        while (got := self.channel.basic_get(queue, auto_ack=True))[0] is not None:
            taken.append((got[0], got[1], json.loads(got[2])))
        return taken

    def depth(self, queue):
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def answer(self, input_id, status="applied", hospital="eastgate", channel=None, **data):
        """A result, as schedule-svc sends it."""
        counts = {"applied": 1, "unchanged": 0, "rejected": 0, "kept": 0}
        result = {
            "input": input_id,
            "type": "haoyuan.roster.roster_published.v1",
            "roster_id": "ros_1",
            "status": status,
        }
        result |= {"counts": counts, "rows": [], "more": 0} | data
        event = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "/schedule-svc", "type": RESULT_TYPE}
        body = json.dumps(event | {"subject": hospital, "data": result}).encode()
        (channel or self.channel).basic_publish("roster.out", f"res.{hospital}", body)

    def close(self):
        for queue in (INTAKE, "roster.results.eastgate", "roster.results.westgate"):
            self.channel.queue_delete(queue)
        for exchange in ("roster.in", "roster.out"):
            self.channel.exchange_delete(exchange)
        self._connection.close()


def add_hospitals(ctl, vhost):
    """The users eastgate and westgate: each may write its own keys, and read its own results. Answers how to remove them."""
    for hospital in ("eastgate", "westgate"):
        ctl("add_user", hospital, PASSWORD)
        ctl("set_permissions", "-p", vhost, hospital, "^$", r"^roster\.in$", rf"^roster\.results\.{hospital}$")
        ctl("set_topic_permissions", "-p", vhost, hospital, "roster.in", rf"^{hospital}\.roster\.", "^$")

    def remove():
        for hospital in ("eastgate", "westgate"):
            ctl("delete_user", hospital)

    return remove


class Wire:
    """A TCP proxy before the broker. While `deaf`, what the broker says does not arrive; `cut` ends all connections, and so
    does each `cut_every` bytes that clients have said.
    """

    def __init__(self, host, port):
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        self.cut_every = 0
        self.cuts = self._heard = 0
        self.deaf = threading.Event()
        self.silenced = threading.Event()
        """Something that the broker said was held back."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """End all connections; new ones are heard."""
        self.deaf.clear()
        self.cuts += 1
        self._heard = 0
        sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink, ours in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=(source, sink, ours), daemon=True).start()

    def _pump(self, source, sink, from_broker):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if from_broker and self.deaf.is_set():
                    self.silenced.set()
                    continue
                sink.sendall(data)
                self._heard += 0 if from_broker else len(data)
                if self.cut_every and self._heard >= self.cut_every:
                    self.cut()
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def until(state, seconds=20):
    end = time.monotonic() + seconds
    while not (value := state()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.01)
    return value
