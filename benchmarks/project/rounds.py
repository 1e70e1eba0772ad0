"""
Call the WSGI application in this process, a round for each line of input.

The first line out is what the project says about itself. A line in is the
number of requests; a line out is a JSON list of the seconds that they took,
by the clock and of processor time.
"""

import json
import sys
import time
from io import BytesIO


def environ(path):
    """Return what a server passes for a browser's GET."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "text/html,*/*;q=0.8",
        "HTTP_USER_AGENT": "benchmark",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def start_response(status, headers, exc_info=None):
    if status != "200 OK":
        raise RuntimeError(f"The view answered {status}.")


def get(application, path):
    """Read a response as a server does."""
    response = application(environ(path), start_response)
    content = b"".join(response)
    response.close()
    return content


def run(application, path, requests):
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(requests):
        get(application, path)
    return time.perf_counter() - clock, time.process_time() - processor


def main(path):
    from hello.wsgi import application

    print(get(application, "/about/").decode(), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(application, path, int(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
