"""A scripted HTTP server on loopback: each path answers as the test says, byte by byte if need be."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class WebServer:
    """`answers` maps paths to what is done there; `hits` lists (path, headers) of every request, `bodies` what was posted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.hits: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def give(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Answer a path with these bytes; header names are written with _ for -."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            if "Content_Length" not in headers and status != 304:
                handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url(path)

    def script(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url(path)


@contextmanager
def serve() -> Iterator[WebServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.hits.append((self.path, dict(self.headers.items())))
            self.close_connection = True
            answer = server.answers.get(self.path.partition("?")[0])
            try:
                if answer:
                    answer(self)
                else:
                    self.send_error(404)
            except OSError:
                pass  # the client has hung up, as it should on a bomb

        def do_POST(self) -> None:
            server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = WebServer(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join()
