"""From a complete request to the application and back to a connection (PEP 3333, "Specification Details")."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from pfork.http1 import FieldCache
from pfork.wsgi.environ import (
    EnvironReader,
    clean_script_name,
    connection_template,
    gateway_template,
    make_field,
)
from pfork.wsgi.output import AbortConnection, ClientGone, Output
from pfork.wsgi.record import WsgiExchange
from pfork.wsgi.reply import Reply
from pfork.wsgi.streams import ErrorStream

if TYPE_CHECKING:
    from types import TracebackType

    from pfork.config import HttpSettings
    from pfork.sockets import ConnectionInfo
    from pfork.telemetry import AccessLog

_log = logging.getLogger("pfork.error")

_OWN_MODULES = ("pfork.wsgi.", "pfork.http1.")


class WsgiGateway:
    """Calls one WSGI application. It may be used by several threads at a time, each with a reader of
    its own."""

    def __init__(
        self,
        app: Any,
        *,
        http: HttpSettings,
        multithread: bool,
        multiprocess: bool,
        access_log: AccessLog | None = None,
        extra_environ: Mapping[str, Any] | None = None,
        script_name: str | None = None,
    ) -> None:
        """``extra_environ`` goes into every environ.

        ``script_name`` is where the application is mounted; by default what the environment variable
        SCRIPT_NAME says at this moment, when the application has been loaded (as Gunicorn, which asks
        it anew for each request).
        """
        self._app = app
        self._http = http
        self._access_log = access_log
        self._errors = ErrorStream()
        self._fields = FieldCache(make_field)
        if script_name is None:
            script_name = os.environ.get("SCRIPT_NAME", "")
        self._template = gateway_template(
            self._errors,
            multithread=multithread,
            multiprocess=multiprocess,
            script_name=clean_script_name(script_name),
        )
        self._template.update(extra_environ or {})

    def reader(self, info: ConnectionInfo) -> EnvironReader:
        """A reader for a new connection."""
        return EnvironReader(self._http, self._fields, info, connection_template(self._template, info))

    def run(self, reader: EnvironReader, body: IO[bytes], output: Output) -> bool:
        """Serve the request that ``reader`` has read: call the application, write its response, close
        its iterable.

        ``body`` is the whole body, at its beginning, seekable. ``reader`` stays with this request until this
        has returned: call its ``next_request`` only then.

        No exception of the application comes out, SystemExit and KeyboardInterrupt included: an
        application that calls ``sys.exit()`` in a request has failed to answer it, and ending the
        worker would lose the requests of other clients that it holds. (pfork's own signals never become
        exceptions in a worker.)

        Returns:
            Whether the connection may serve another request. False: close it when what was written has
            been sent.

        Raises:
            AbortConnection: the response broke after its head; the reason has been logged.
        """
        access_log = self._access_log
        started = 0 if access_log is None else time.monotonic_ns()
        reply = Reply(reader, output)
        try:
            reader.complete(body)
            result = self._app(reader.environ, reply.start_response)
            try:
                response = reply.send_result(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
            return response.keep_alive
        except ClientGone:
            return _client_has_gone(reader)
        except BaseException as error:  # noqa: BLE001 - the border to the application
            return _fail(reader, reply, error)
        finally:
            reply.is_over = True
            if self._errors.is_partial:
                self._errors.flush()
            if access_log is not None:
                access_log.log(WsgiExchange(reader, reply, time.monotonic_ns() - started))


def _client_has_gone(reader: EnvironReader) -> bool:
    _log.debug("%s: the client left before it had the whole response", _request_line(reader))
    return False


def _fail(reader: EnvironReader, reply: Reply, error: BaseException) -> bool:
    """The application raised, or its response is not one: log it once, and give the client what can
    still be given."""
    line = _request_line(reader)
    response = reply.response
    if response is None:
        _log_error(f"Error handling request {line} (answered 500)", error)
        try:
            response = reply.send_error_page()
        except ClientGone:
            return _client_has_gone(reader)
    elif reply.is_whole():  # close() raised, say, or there were more bytes than announced
        _log_error(f"Error handling request {line} (its response had been sent)", error)
    else:
        _log_error(f"Error handling request {line} (its response had begun: connection cut)", error)
        raise AbortConnection from None
    return response.keep_alive


def _log_error(message: str, error: BaseException) -> None:
    """One record, with the traceback as the application's author knows it: it begins where the
    application was called.

    Where no line of the application's is in it (it returned None, say), the message tells as much as
    there is to know.
    """
    frames = error.__traceback__
    while frames is not None and _is_own(frames):
        frames = frames.tb_next
    if frames is None and (error.__suppress_context__ or error.__context__ is None):
        _log.error("%s: %s: %s", message, type(error).__name__, error)
    else:
        _log.error("%s", message, exc_info=(type(error), error, frames))


def _is_own(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__")).startswith(_OWN_MODULES)


def _request_line(reader: EnvironReader) -> str:
    """Method and target; bytes beyond ASCII escaped, so that the line shows exactly what was sent."""
    return f"{reader.method} {reader.target.decode('ascii', 'backslashreplace')}"
