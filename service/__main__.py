"""`python -m service`: the service with its workers, each with a socket of its own."""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("service: interrupted")

import argparse
import logging
import os
import resource
import sys
from importlib.metadata import version

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from service.server.sockets import listen
from service.server.supervisor import Supervisor

EPILOG = """\
signals: SIGTERM, SIGINT and a terminal that is closed answer what has been accepted, then end; SIGHUP reloads, code
and models, without a pause
exit status: 0 ended by a signal; 2 wrong arguments; 3 it cannot start
"""


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal ends it."""
    options = parse(arguments)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard) if soft < hard else (soft, hard))
    os.environ["WEB_CONCURRENCY"] = str(options.workers)  # by which the workers share the cores
    config = uvicorn.Config(
        options.app,
        http="service.server:Protocol" if options.way == "fast" else "service.server.protocol:BoundedProtocol",
        ws="none",
        host=options.host,
        port=options.port,
        workers=options.workers,
        access_log=options.access_log,
        timeout_graceful_shutdown=options.grace,
    )
    try:
        listeners = listen(options.host, options.port, options.workers)
    except OSError as error:
        number = error.errno or 0
        why = os.strerror(number) if number >= 0 else "no address of that host is known"  # negative: of getaddrinfo
        reason = f"cannot listen on {options.host}:{options.port}: {why}"
        print(f"service: {reason}; --port (PORT of make) takes another", file=sys.stderr)
        return STARTUP_FAILURE
    port = listeners[0].getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    logging.getLogger("uvicorn.error").info("Uvicorn running on http://%s:%d (Press CTRL+C to quit)", host, port)
    return Supervisor(config, listeners).run()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m service", description=__doc__, epilog=EPILOG, formatter_class=as_written
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, default %(default)s")
    parser.add_argument("--port", type=int, default=8000, help="default %(default)s; 0 takes a free one")
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    parser.add_argument("--workers", type=int, default=workers, help="processes, default $WEB_CONCURRENCY or 1")
    parser.add_argument("--grace", type=int, default=30, metavar="SECONDS", help="for the end, default %(default)s")
    parser.add_argument("--app", default="service:app", help="an application that wraps it, as module:name")
    parser.add_argument("--way", choices=("fast", "asgi"), default="fast", help="of small uploads, default %(default)s")
    parser.add_argument("--access-log", action="store_true", help="log each request; costs half the throughput")
    parser.add_argument("--version", action="version", version=version("upload-and-classify"))
    options = parser.parse_args(arguments)
    if options.workers < 1 or not 0 <= options.port < 65536 or options.grace < 1:
        parser.error("--workers and --grace are at least 1, --port is 0 to 65535")
    return options


if __name__ == "__main__":
    sys.exit(main())
