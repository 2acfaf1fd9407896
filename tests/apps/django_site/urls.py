"""All pages of the test project."""

from django.urls import path

from django_site import views

urlpatterns = [
    path("", views.index),
    path("visits/", views.visits),
    path("notes/", views.notes),
    path("upload/", views.upload),
    path("download/<int:parts>/", views.download),
    path("fails/", views.fails),
]
