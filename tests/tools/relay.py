"""A connection that stops in the middle: what lies between a client and a server on loopback."""

import socket
import struct
import threading
from contextlib import suppress

CHUNK = 2**14  # bytes


class Relay:
    """Passes bytes on to a port. Once a connection has sent `hold_after` bytes, or all have brought
    `hold_answers_after`, more is kept back, `held` is set, and it goes on with `let_go`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.hold_after = self.hold_answers_after = float("inf")
        self.answered = 0  # bytes that came from the server
        self.held = threading.Event()
        self._free = threading.Event()
        self._counting = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def let_go(self) -> None:
        self.hold_after = self.hold_answers_after = float("inf")
        self._free.set()

    def close(self) -> None:
        self.let_go()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # else `accept` would wait on
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    _reset(client)
                    continue
                for start in (self._send, self._answer):
                    threading.Thread(target=start, args=(client, server), daemon=True).start()

    def _hold(self) -> None:
        self.held.set()
        self._free.wait()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with suppress(OSError):
            while chunk := client.recv(CHUNK):
                sent += len(chunk)
                if sent > self.hold_after:
                    self._hold()
                server.sendall(chunk)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while chunk := server.recv(CHUNK):
                with self._counting:
                    self.answered += len(chunk)
                if self.answered > self.hold_answers_after:
                    self._hold()
                client.sendall(chunk)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        client.close()
        server.close()


def _reset(client: socket.socket) -> None:
    """Close it as a system does where no program listens."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
