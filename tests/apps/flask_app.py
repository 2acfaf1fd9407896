"""A Flask app: JSON, a form, a session cookie, an upload, a streamed response, an error."""

import hashlib

from flask import Flask, Response, jsonify, request, session

app = Flask(__name__)
app.secret_key = "only for tests"


@app.get("/")
def index():
    return "Flask says hello"


@app.get("/hello/<name>")
def hello(name):
    return jsonify(name=name, query=request.args.to_dict(), scheme=request.scheme)


@app.post("/json")
def sum_of_numbers():
    return jsonify(sum=sum(request.get_json()["numbers"]))


@app.post("/login")
def login():
    session["user"] = request.form["user"]
    return "", 204


@app.get("/me")
def me():
    return session.get("user", "nobody")


@app.post("/upload")
def upload():
    file = request.files["file"]
    data = file.read()
    return jsonify(name=file.filename, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@app.get("/stream/<int:parts>")
def stream(parts):
    return Response((f"part {part}\n" for part in range(parts)), mimetype="text/plain")


@app.get("/fails")
def fails():
    raise RuntimeError("Flask view raised")
