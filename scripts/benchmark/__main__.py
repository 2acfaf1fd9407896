"""Compare pfork with other servers: CPU time for each request, requests per second, p99 and memory.

Every server has one worker and runs on one core, with all its processes and threads; wrk has another. The
servers take turns, round after round, so that a machine that gets slower or faster hits them all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict

from load import HEADERS, run_wrk
from process import RunningServer, ServerFailed
from report import Sample, table, verdicts
from servers import SERVERS, Server

WARM_UP_S = 1


def main() -> int:
    arguments = _arguments()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("bench: two cores are needed, one for the server and one for wrk", file=sys.stderr)
        return 1
    if shutil.which("wrk") is None:
        print("bench: wrk is missing; it is a Debian package of that name", file=sys.stderr)
        return 1
    samples: list[Sample] = []
    failed: list[str] = []
    for turn in range(1, arguments.rounds + 1):
        for server in arguments.servers:
            print(f"round {turn} of {arguments.rounds}: {server.name}", file=sys.stderr)
            try:
                samples += _measure(server, turn, cores, arguments)
            except (ServerFailed, subprocess.CalledProcessError, ValueError) as error:
                failed.append(server.name)
                print(f"bench: {error}", file=sys.stderr)
    notes = {server.name: server.note for server in SERVERS}
    print(*(table(samples, headers, notes) for headers in HEADERS), verdicts(samples), sep="\n\n")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump([asdict(sample) for sample in samples], file, indent=1)
    if failed:
        print(f"bench: failed: {', '.join(dict.fromkeys(failed))}", file=sys.stderr)
    return 1 if failed else 0


def _measure(server: Server, turn: int, cores: list[int], arguments: argparse.Namespace) -> list[Sample]:
    samples = []
    with RunningServer(server, cores[0]) as running:
        for headers in HEADERS:
            load = {"core": cores[1], "connections": arguments.connections}
            run_wrk(running.port, headers, seconds=WARM_UP_S, **load)
            before = running.cpu_seconds()
            outcome = run_wrk(running.port, headers, seconds=arguments.seconds, **load)
            running.check()
            spent = running.cpu_seconds() - before
            memory = running.memory()
            samples.append(
                Sample(
                    server=server.name,
                    round=turn,
                    headers=headers,
                    cpu_us=spent * 1e6 / max(1, outcome.requests),
                    per_second=outcome.per_second,
                    p99_ms=outcome.p99_ms,
                    errors=outcome.errors,
                    **asdict(memory),
                )
            )
    return samples


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of every server (3)")
    parser.add_argument("--seconds", type=int, default=4, metavar="N", help="length of one run of wrk (4)")
    parser.add_argument("--connections", type=int, default=16, metavar="N", help="wrk's connections (16)")
    parser.add_argument(
        "--servers",
        type=_chosen,
        default=SERVERS,
        metavar="NAME,...",
        help="which to run, whole names or their beginnings: " + ", ".join(one.name for one in SERVERS),
    )
    parser.add_argument("--json", metavar="FILE", help="also write every sample to FILE")
    return parser.parse_args()


def _chosen(text: str) -> tuple[Server, ...]:
    wanted = text.split(",")
    for name in wanted:
        if not any(server.name.startswith(name) for server in SERVERS):
            raise argparse.ArgumentTypeError(f"there is no server {name!r}")
    return tuple(server for server in SERVERS if server.name.startswith(tuple(wanted)))


if __name__ == "__main__":
    sys.exit(main())
