"""Makes the bucket and the container of the tests, and asks the git server for a repository that
is not there. Fails unless each of the servers answers as it should.
"""

import base64
import hashlib
import hmac
import os
import sys
from email.utils import formatdate
from http.client import HTTPConnection
from urllib.parse import urlsplit

ACCOUNT = os.environ["AZURE_STORAGE_ACCOUNT_NAME"]
KEY = os.environ["AZURE_STORAGE_ACCOUNT_KEY"]


def ask(expected, method, variable, path, headers):
    address = urlsplit(os.environ[variable])
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request(method, address.path + path, headers=headers)
    answer = connection.getresponse()
    if answer.status != expected:
        sys.exit(f"{method} {address.geturl()}{path}: {answer.status} instead of {expected}: {answer.read()}")


ask(200, "PUT", "BACKFILL_TEST_S3", "/backfill-test", {})

headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
to_sign = "PUT" + "\n" * 12 + "".join(f"{name}:{value}\n" for name, value in headers.items())
to_sign += f"/{ACCOUNT}/{ACCOUNT}/backfill-test\nrestype:container"
signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), to_sign.encode(), hashlib.sha256)).decode()
headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
ask(201, "PUT", "BACKFILL_TEST_AZURE", "/backfill-test?restype=container", headers)

ask(404, "GET", "BACKFILL_TEST_GIT", "/none.git/info/refs", {})
