"""The views: the same ones under WSGI and under ASGI."""

import hashlib

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.csrf import csrf_exempt

from django_site.notes.models import Note

PART = b"0123456789abcdef" * 1024


def index(request):
    return HttpResponse("Django says hello")


def visits(request):
    """A session in the database, found again by its cookie."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def notes(request):
    """GET: the form and the notes there are. POST, with the form's token: one note more."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    page = f'<form method="post"><input name="csrfmiddlewaretoken" value="{get_token(request)}"></form>'
    listed = "".join(f"<li>{note.text}</li>" for note in Note.objects.order_by("id"))
    return HttpResponse(page + f"<ul>{listed}</ul>")


@csrf_exempt
def upload(request):
    """A multipart upload; a large one goes through a file of Django's own."""
    file = request.FILES["file"]
    digest = hashlib.sha256()
    for data in file.chunks():
        digest.update(data)
    return JsonResponse({"name": file.name, "size": file.size, "sha256": digest.hexdigest()})


def download(request, parts):
    """A streamed download of ``parts`` times 16 KiB, by the iterator that fits the interface."""
    content = async_parts(parts) if isinstance(request, ASGIRequest) else (PART for _ in range(parts))
    response = StreamingHttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = 'attachment; filename="parts.bin"'
    return response


async def async_parts(parts):
    for _ in range(parts):
        yield PART


def fails(request):
    raise RuntimeError("Django view raised")
