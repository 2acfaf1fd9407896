"""What Gunicorn has and pfork does not have (yet): named when it is met, never passed over in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pfork.config.sources import Findings, Flag


@dataclass(frozen=True, slots=True)
class Absent:
    """A setting of Gunicorn.

    ``inert`` is the value that asks for nothing, besides everything that is false. ``refusal`` says why it
    cannot just be left out: the server would not be what was asked for. ``moot``: nothing is lost without it.
    """

    name: str
    flags: tuple[str, ...] = ()
    takes: Literal["nothing", "value", "perhaps a value"] = "nothing"
    inert: object = None
    refusal: str = ""
    moot: bool = False


_TLS = "pfork does not serve TLS yet; let a proxy in front of it do that"
_DIRTY = "pfork has no dirty workers; run such tasks in a queue of their own"
_PASTE = "pfork does not load Paste Deploy files; name the app as module:attribute"


def _flag(name: str, *flags: str, moot: bool = False, refusal: str = "", inert: object = None) -> Absent:
    spellings = flags or (f"--{name.replace('_', '-')}",)
    return Absent(name, spellings, "nothing", inert=inert, refusal=refusal, moot=moot)


def _value(name: str, *flags: str, moot: bool = False, refusal: str = "", inert: object = None) -> Absent:
    spellings = flags or (f"--{name.replace('_', '-')}",)
    return Absent(name, spellings, "value", inert=inert, refusal=refusal, moot=moot)


def _file_only(name: str, *, moot: bool = False) -> Absent:
    return Absent(name, moot=moot)


ABSENT: dict[str, Absent] = {
    absent.name: absent
    for absent in (
        _value("max_requests"),
        _value("max_requests_jitter"),
        _value("asgi_loop", inert="auto"),
        _value("asgi_disconnect_grace_period", inert=3),
        _value("websocket_max_message_size", inert=2**24),
        _value("http_parser", inert="auto", moot=True),
        _flag("reload"),
        _value("reload_engine", inert="auto"),
        _value("reload_extra_files", "--reload-extra-file"),
        _flag("spew"),
        _flag("preload_app", "--preload"),
        _flag("sendfile", "--no-sendfile"),
        _flag("reuse_port"),
        _flag("daemon", "-D", "--daemon", refusal="pfork stays in the foreground; let systemd run it, or nohup"),
        _value("worker_tmp_dir", moot=True),  # the scoreboard is memory, no file
        _flag("initgroups"),
        _file_only("tmp_upload_dir", moot=True),  # Gunicorn itself does not use it
        _file_only("secure_scheme_headers"),
        _value("forwarded_allow_ips"),
        _value("forwarder_headers"),
        _value("header_map", inert="drop"),
        _value("paste", "--paste", "--paster", refusal=_PASTE),
        _value("raw_paste_global_conf", "--paste-global", refusal=_PASTE),
        Absent(
            "proxy_protocol",
            ("--proxy-protocol",),
            "perhaps a value",
            inert="off",
            refusal="pfork does not read the PROXY protocol yet; let the proxy send plain HTTP",
        ),
        _value("proxy_allow_ips", "--proxy-allow-from"),
        _value("protocol", inert="http", refusal="pfork speaks HTTP only"),
        _value("uwsgi_allow_ips", "--uwsgi-allow-from"),
        _flag("permit_obsolete_folding"),
        _flag("strip_header_spaces"),
        _flag("permit_unconventional_http_method"),
        _flag("permit_unconventional_http_version"),
        _flag("casefold_http_method"),
        _flag("disable_redirect_access_to_syslog"),
        _flag("capture_output"),
        _value("logger_class", inert="gunicorn.glogging.Logger"),
        _value("logconfig", "--log-config"),
        _file_only("logconfig_dict"),
        _value("logconfig_json", "--log-config-json"),
        _flag("syslog", "--log-syslog"),
        _value("syslog_addr", "--log-syslog-to"),
        _value("syslog_prefix", "--log-syslog-prefix"),
        _value("syslog_facility", "--log-syslog-facility", inert="user"),
        _flag("enable_stdio_inheritance", "-R", "--enable-stdio-inheritance", moot=True),  # never a daemon
        _value("statsd_host"),
        _value("statsd_prefix"),
        _value("dogstatsd_tags"),
        _flag("enable_backlog_metric"),
        _file_only("default_proc_name", moot=True),
        _value("keyfile", refusal=_TLS),
        _value("certfile", refusal=_TLS),
        _value("ssl_version"),
        _value("cert_reqs"),
        _value("ca_certs"),
        _value("ciphers"),
        _flag("suppress_ragged_eofs", inert=True),
        _flag("do_handshake_on_connect"),
        _value("http_protocols", inert="h1"),
        _value("http2_cleartext", inert="off"),
        _value("http2_max_concurrent_streams", inert=100),
        _value("http2_initial_window_size", inert=65535),
        _value("http2_max_frame_size", inert=16384),
        _value("http2_max_header_list_size", inert=65536),
        _value("dirty_apps", "--dirty-app", refusal=_DIRTY),
        _value("dirty_workers", refusal=_DIRTY),
        _value("dirty_timeout", inert=300),
        _value("dirty_threads", inert=1),
        _value("dirty_graceful_timeout", inert=30),
        _value("control_socket"),
        _value("control_socket_mode", inert=0o600),
        _flag("control_socket_disable", "--no-control-socket", moot=True),
        _file_only("check_config"),
        _file_only("print_config"),
        _file_only("config"),
    )
}

HOOKS = frozenset(
    {
        *(
            "on_starting",
            "on_reload",
            "when_ready",
            "pre_fork",
            "post_fork",
            "post_worker_init",
            "worker_int",
        ),
        *("worker_abort", "pre_exec", "pre_request", "post_request", "child_exit", "worker_exit"),
        *("nworkers_changed", "on_exit", "ssl_context", "on_dirty_starting", "dirty_post_fork"),
        *("dirty_worker_init", "dirty_worker_exit"),
    }
)


def note_absent(name: str, value: object, place: str, findings: Findings) -> bool:
    """Whether a name of a Python file is Gunicorn's alone. It is noted if it asks for something."""
    if name in HOOKS:
        if callable(value):
            findings.warnings.append(f"{place}: {name}: ignored; pfork does not run hooks yet")
        return True
    absent = ABSENT.get(name)
    if absent is None:
        return False
    if value and value != absent.inert:
        _note(absent, f"{place}: {name}", findings)
    return True


def note_absent_flag(flag: Flag, findings: Findings) -> None:
    """A flag that is Gunicorn's alone."""
    absent = ABSENT[flag.name]
    if flag.text not in ("", "0", str(absent.inert)):
        _note(absent, flag.flag, findings)


def _note(absent: Absent, written: str, findings: Findings) -> None:
    if absent.refusal:
        findings.problems.append(f"{written}: {absent.refusal}")
    elif not absent.moot:
        findings.warnings.append(f"{written}: ignored; pfork does not have this setting of Gunicorn yet")
