"""What the server says, as patterns. The only place where the tests know the wording of its log.

Each pattern is searched in one line of the error log. ``HEAD`` ends the prefix of date, pid and level.
"""

import re

HEAD = r"\[(?P<level>[A-Z]+)\] "
IDENTITY = r"worker=(?P<number>\d+) gen=(?P<generation>\d+) pid=(?P<pid>\d+)"

STARTING = re.compile(HEAD + r"pfork (?P<version>\S+) starting: (?P<app>.+)$")
LISTENING = re.compile(HEAD + r"listening at (?P<address>\S+)")
WORKER_READY = re.compile(HEAD + IDENTITY + r" ready: (?P<kind>sync|thread|async), (?P<interface>WSGI|ASGI), ")
READY = re.compile(HEAD + r"ready: (?P<workers>\d+) workers?, generation (?P<generation>\d+)")
EXITED = re.compile(HEAD + IDENTITY + r" exited: (?P<how>.+)$")

RELOAD_CHECKING = re.compile(HEAD + r"reload: checking")
RELOAD_READY = re.compile(HEAD + r"reload: generation (?P<generation>\d+) is ready")
RELOAD_REJECTED = re.compile(HEAD + r"reload rejected: (?P<reason>.+)")
RELOAD_DONE = re.compile(HEAD + r"reload done: generation (?P<generation>\d+), (?P<workers>\d+) workers?")

LOGS_REOPENED = re.compile(HEAD + r"log files reopened")
WORKERS_WANTED = re.compile(HEAD + r"workers wanted: (?P<workers>\d+)")

BACKOFF = re.compile(HEAD + r"workers die young: the next one starts in (?P<seconds>[\d.]+) s")
BOOT_FAILED = re.compile(HEAD + IDENTITY + r" could not start")
GIVING_UP = re.compile(r"no worker could start: giving up, exit code (?P<code>\d)")
TIMEOUT = re.compile(HEAD + IDENTITY + r" timeout: .*; in progress: (?P<requests>.+)$")
BOOT_TIMEOUT = re.compile(HEAD + IDENTITY + r" boot_timeout: not ready after (?P<seconds>[\d.]+) s")
STACKS = re.compile(HEAD + IDENTITY + r" stacks:")
STACK_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>\S+)')
CUT = re.compile(HEAD + IDENTITY + r" [Cc]ut\b.* graceful.timeout\b.*: (?P<requests>.+)$")
IGNORED = re.compile(HEAD + r"(?P<name>SIG\w+) ignored: stopping")

STOPPING = re.compile(HEAD + r"stopping")
STOPPED = re.compile(HEAD + r"stopped")

TRACEBACK = "Traceback (most recent call last):"


def exited(pid):
    """The line that reports the end of one worker."""
    return re.compile(HEAD + rf"worker=\d+ gen=\d+ pid={pid} exited: (?P<how>.+)$")


def ready_in_slot(number):
    """The line that says that the worker of one slot is ready."""
    return re.compile(HEAD + rf"worker={number} gen=(?P<generation>\d+) pid=(?P<pid>\d+) ready: ")
