"""The probe apps under every worker kind: what most tests are parametrised with."""

import pytest

KINDS = {
    "sync": ("wsgi_probe:app", "-k", "sync"),
    "thread": ("wsgi_probe:app", "-k", "thread", "--threads", "4"),
    "async": ("asgi_probe:app", "-k", "async"),
}

every_kind = pytest.mark.parametrize("args", KINDS.values(), ids=KINDS)
wsgi_kinds = pytest.mark.parametrize("args", [KINDS["sync"], KINDS["thread"]], ids=["sync", "thread"])
concurrent_kinds = pytest.mark.parametrize("args", [KINDS["thread"], KINDS["async"]], ids=["thread", "async"])
