"""A Django project as small as one can be that still has sessions, forms, uploads, downloads and a database."""
