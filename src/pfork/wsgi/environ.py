"""Request to environ (PEP 3333, "environ Variables"): headers go straight into the request's dictionary."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from pfork import __version__
from pfork.http1 import FieldCache, RequestReader, split_target
from pfork.wsgi.streams import ErrorStream, FileWrapper

if TYPE_CHECKING:
    from pfork.config import HttpSettings
    from pfork.sockets import ConnectionInfo

SERVER_SOFTWARE: Final = f"pfork/{__version__}"


def environ_key(name: str) -> str:
    """The environ's key of a header: ``HTTP_USER_AGENT``; two have no prefix (RFC 3875 4.1.2 and 4.1.3)."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key


_DROPPED: Final = ""
"""The key of headers that are not for the application."""


def make_field(name: bytes, value: bytes) -> tuple[str, str]:
    """A header's key and value in the environ: bytes as latin-1 (PEP 3333, "Unicode Issues")."""
    if b"_" in name:
        # X_User and X-User would share a key, so a client could forge what a proxy sets: Gunicorn's
        # header_map=drop.
        return _DROPPED, ""
    return environ_key(name.decode("ascii")), value.decode("latin-1")


class ScriptNameError(ValueError):
    """The request's path is not below the SCRIPT_NAME under which the application is said to be mounted."""


class EnvironReader(RequestReader):
    """Reads the requests of one connection; each head fills an environ.

    Attributes:
        environ: the current request's; a fresh one for each head. It belongs to the application once
            that has been called.
        info: what is known of the connection.
    """

    __slots__ = ("_template", "environ", "info")

    def __init__(
        self,
        limits: HttpSettings,
        fields: FieldCache[tuple[str, str]],
        info: ConnectionInfo,
        template: dict[str, Any],
    ) -> None:
        """``fields`` is made with ``make_field``; ``template`` is of this connection alone: ``connection_template``."""
        super().__init__(limits, fields)
        self.info = info
        self._template = template
        self.environ: dict[str, Any] = {}

    def take_fields(self, fields: list[tuple[str, str]]) -> None:
        """Copy the connection's template and put the headers in; repeated ones are one list (RFC 9110 5.3)."""
        template = self._template
        self.environ = environ = template.copy()
        environ.update(fields)
        if len(environ) != len(template) + len(fields):
            for key, values in _repeated(fields).items():
                # Cookies hold commas, and are parted as RFC 9113 8.2.3 says.
                environ[key] = ("; " if key == "HTTP_COOKIE" else ",").join(values)
        environ.pop(_DROPPED, None)

    def complete(self, body: IO[bytes]) -> None:
        """Add what is not a header: request line, body, and on a unix socket the server's name from Host.

        PATH_INFO is decoded from percent encoding, and all text is bytes as latin-1 (PEP 3333, "Unicode
        Issues").

        Raises:
            ScriptNameError: the path is not below SCRIPT_NAME. The environ is complete all the same.
        """
        environ = self.environ
        target = self.target
        path, query = split_target(target)
        if b"%" in path:
            path = unquote_to_bytes(path)
        # RFC 9110 7.1: the target of "OPTIONS *" is the server itself, its path is empty.
        environ["PATH_INFO"] = path.decode("latin-1") if path != b"*" else ""
        environ["QUERY_STRING"] = query.decode("latin-1")
        environ["RAW_URI"] = target.decode("latin-1")
        environ["REQUEST_METHOD"] = self.method
        environ["wsgi.input"] = body
        if not self.http11:
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        if self.content_length < 0:
            # The body is there in full and no longer in chunks: tell its length, as RFC 9112 7.1.3 has a
            # decoder do. An application that goes by CONTENT_LENGTH alone (Django) would see no body
            # otherwise.
            environ["CONTENT_LENGTH"] = str(body.seek(0, io.SEEK_END))
            body.seek(0)
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        if self.info.server[1] is None:
            name_server(environ)
        script_name = environ["SCRIPT_NAME"]
        if script_name and path != b"*":
            path_info = environ["PATH_INFO"]
            if path_info != script_name and not path_info.startswith(script_name + "/"):
                raise ScriptNameError(
                    f"the path {path_info!r} is not below {script_name!r}, where the environment variable "
                    f"SCRIPT_NAME says all paths are; unset it, or have the proxy pass the whole path"
                )
            environ["PATH_INFO"] = path_info[len(script_name) :]


def _repeated(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each key, in the order sent."""
    values: dict[str, list[str]] = {}
    for key, value in fields:
        values.setdefault(key, []).append(value)
    return values


def clean_script_name(value: str) -> str:
    """The environment variable as PEP 3333 wants it: a slash in front, none behind, bytes as latin-1."""
    name = os.fsencode(value).decode("latin-1").strip("/")
    return "/" + name if name else ""


def gateway_template(errors: ErrorStream, *, multithread: bool, multiprocess: bool, script_name: str) -> dict[str, Any]:
    """What is the same in all environs of a worker. ``script_name`` is clean.

    It holds every key that ``complete`` sets: then the dictionary has its size from the start, and the
    headers of a usual request fit in without its being built anew.
    """
    return {
        "REQUEST_METHOD": "",
        "SCRIPT_NAME": script_name,
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "RAW_URI": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": SERVER_SOFTWARE,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
        "wsgi.input_terminated": True,
        "wsgi.errors": errors,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }


def connection_template(base: dict[str, Any], info: ConnectionInfo) -> dict[str, Any]:
    """``base`` and what is the same in all environs of a connection."""
    host, port = info.server
    template = base.copy()
    template["wsgi.url_scheme"] = info.scheme
    if port is not None:  # of a unix socket ``complete`` finds out
        # RFC 3875 4.1.14 wants brackets, and PEP 3333's "URL Reconstruction" needs them.
        template["SERVER_NAME"] = f"[{host}]" if ":" in host else host
        template["SERVER_PORT"] = str(port)
    client, client_port = info.client or ("", "")
    template["REMOTE_ADDR"] = client
    template["REMOTE_PORT"] = str(client_port)
    return template


def name_server(environ: dict[str, Any]) -> None:
    """SERVER_NAME and SERVER_PORT of a unix socket, which has neither: as the client's Host header has them.

    Without one (HTTP/1.0) ``localhost``: PEP 3333 allows neither to be empty. The port is the scheme's
    when Host has none.
    """
    name, colon, port = environ.get("HTTP_HOST", "").rpartition(":")
    if not colon or port.endswith("]"):  # no port; the colon, if any, is in an IPv6 address
        name, port = name + colon + port, ""
    environ["SERVER_NAME"] = name or "localhost"
    environ["SERVER_PORT"] = port or ("443" if environ["wsgi.url_scheme"] == "https" else "80")
