"""The S3 server of the tests: moto, on a free port of 127.0.0.1, which it prints.

moto answers each request in a thread of its own, and a PUT with `If-None-Match: *` first looks for
the object and then writes it: two such PUTs at once can both find nothing and both succeed. S3
promises that one of them fails, so here requests are answered one at a time.
"""

from io import BytesIO
from threading import Lock

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wsgi import get_input_stream

moto = DomainDispatcherApplication(create_backend_app)
one_at_a_time = Lock()


def application(environ, start_response):
    # The body is read outside of the lock: a client that sends slowly holds up nobody else.
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    with one_at_a_time:
        answer = moto(environ, start_response)
        try:
            return list(answer)
        finally:
            answer.close()


server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
print(f"listens on http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
