"""Floor 2: HTTP/1 without I/O. Bytes in, requests out; responses in, bytes out. README.md has the theory."""

from pfork.http1.errors import BodyTooLong, BodyTooShort, InvalidResponse, ProtocolError
from pfork.http1.fields import FieldCache
from pfork.http1.framing import CHUNKED
from pfork.http1.head import split_target
from pfork.http1.reader import CONTINUE, RequestReader
from pfork.http1.response import Response, error_response
from pfork.http1.status import status_bytes

__all__ = [
    "CHUNKED",
    "CONTINUE",
    "BodyTooLong",
    "BodyTooShort",
    "FieldCache",
    "InvalidResponse",
    "ProtocolError",
    "RequestReader",
    "Response",
    "error_response",
    "split_target",
    "status_bytes",
]
