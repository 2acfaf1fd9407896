"""The Django project's database, and what the project must do, under WSGI and under ASGI alike."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.harness import Server, clean_environment

BIG = bytes(range(256)) * (4 * 1024 * 16)  # 16 MiB: past every buffer that might hold it whole
SMALL = b"a small file"


def make_site(directory: Path) -> dict[str, str]:
    """Make the database in ``directory``; the environment that the server needs."""
    environment = {"DJANGO_SITE_DATA": str(directory), "DJANGO_SETTINGS_MODULE": "django_site.settings"}
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, env=clean_environment(directory) | environment, check=True)
    return environment


def sessions_survive_a_change_of_workers(server: Server) -> None:
    with server.client() as client:
        for visit in range(1, 9):
            # a connection of its own for each visit, so that different workers answer
            answer = client.get("/visits/", headers={"Connection": "close"})
            assert answer.json() == {"visits": visit}
    assert server.get("/visits/").json() == {"visits": 1}


def a_form_needs_its_csrf_token(server: Server, text: str) -> None:
    with server.client() as client:
        page = client.get("/notes/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        refused = client.post("/notes/", data={"text": text})
        assert refused.status_code == 403
        taken = client.post("/notes/", data={"text": text, "csrfmiddlewaretoken": token})
        assert taken.status_code == 200
        assert taken.text.count(f"<li>{text}</li>") == 1
    assert f"<li>{text}</li>" in server.get("/notes/").text  # any worker finds it in the database


def a_file_arrives_whole(server: Server, data: bytes) -> None:
    with server.client() as client:
        answer = client.post("/upload/", files={"file": ("data.bin", data)})
    expected = {"name": "data.bin", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert answer.json() == expected


def a_download_is_streamed_whole(server: Server, parts: int) -> None:
    with server.client() as client, client.stream("GET", f"/download/{parts}/") as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="parts.bin"'
        digest = hashlib.sha256()
        size = 0
        for piece in answer.iter_raw():
            digest.update(piece)
            size += len(piece)
    assert size == parts * 16 * 1024
    assert digest.digest() == hashlib.sha256(b"0123456789abcdef" * 1024 * parts).digest()


def an_error_is_a_500_and_the_server_goes_on(server: Server) -> None:
    answer = server.get("/fails/")
    assert answer.status_code == 500
    server.wait_line("RuntimeError: Django view raised")
    assert server.get("/").text == "Django says hello"
