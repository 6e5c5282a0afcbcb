"""A TCP proxy that a test can cut: connections through it break, and new ones are refused, until it is mended."""

import contextlib
import socket
import threading
from typing import Self

_CHUNK = 65_536


class Proxy:
    """Listens on 127.0.0.1 at `port`; leads to a (host, port) or to a Unix socket's path. A context manager."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Break what goes through it, and whatever tries to."""
        with self._guard:
            self._is_cut = True
            connected, self._open = self._open, set()
        for one in connected:
            _break(one)

    def mend(self) -> None:
        with self._guard:
            self._is_cut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._connected()
            except OSError:
                near.close()
                continue
            with self._guard:
                is_cut = self._is_cut
                if not is_cut:
                    self._open |= {near, far}
            if is_cut:
                near.close()
                far.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), name="proxy", daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._target)
        return far

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        for one in (source, sink):
            _break(one)
        with self._guard:
            self._open -= {source, sink}


def _break(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    # Closed once both directions have seen that: a number that is used again must not be read from.
    one.close()
