"""The git server of the tests: `git http-backend` behind HTTP, on a free port of 127.0.0.1, which
it prints. It serves the bare repositories of the folder given, for all to read and to push to; a
repository with `http.receivepack false` can only be read.
"""

import os
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

ROOT = os.path.abspath(sys.argv[1])

# All that git and the hooks see: nothing of the user's own git settings.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": ROOT,
    "GIT_CONFIG_NOSYSTEM": "1",
    # No housekeeping, which would go on in the background after a push.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "receive.autogc",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_PROJECT_ROOT": ROOT,
    "GIT_HTTP_EXPORT_ALL": "1",
    "REMOTE_USER": "tests",  # whoever has a name may push
    "REMOTE_ADDR": "127.0.0.1",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # else git cannot send a large push in chunks

    def body(self):
        """The pieces of the request's body, which stays packed if it is: http-backend unpacks it."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.exactly(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.exactly(size)
            self.rfile.readline()
        self.rfile.readline()

    def exactly(self, size):
        piece = self.rfile.read(size)
        if len(piece) < size:
            raise ConnectionError("the client went away within its request")
        return piece

    def answer(self):
        path, _, query = self.path.partition("?")
        # The whole body goes to a file first: git may start to write before it has read all.
        with tempfile.TemporaryFile() as body:
            body.writelines(self.body())
            size = body.tell()
            body.seek(0)
            environment = ENVIRONMENT | {
                "REQUEST_METHOD": self.command,
                "PATH_INFO": unquote(path),
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(size),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            backend = subprocess.Popen(
                ["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, env=environment
            )
        with backend:
            status, headers = 200, []
            while line := backend.stdout.readline().strip().decode():
                name, _, value = line.partition(": ")
                if name == "Status":
                    status = int(value.split()[0])
                else:
                    headers.append((name, value))
            if not headers:
                status = 500  # http-backend has said nothing; the log tells why
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            # The answer ends where the connection does. Each piece goes out as git writes it.
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := backend.stdout.read1():
                self.wfile.write(piece)

    do_GET = do_POST = answer


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # many tests connect at once


server = Server(("127.0.0.1", 0), Handler)
print(f"listens on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
