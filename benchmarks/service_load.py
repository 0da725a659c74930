"""The service under load: many clients at once, for a minute; and how long one request takes.

    python benchmarks/service_load.py [--seconds 60] [--clients 64] [--workers 1]

Starts ``pacbed serve`` and prints the latency of one client with and without a picture,
the median of four clients, and what many clients at once get: every accepted request must
have the answer that it gets alone, and the others must be refused with 503.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from service_tools import cpu_seconds, multipart, serving

ROOT = Path(__file__).parent.parent
EXAMPLE = np.load(ROOT / "examples" / "sto-001-300kV_42nm.npy")


def bodies(count):
    """Requests that differ, so that their answers do."""
    return [
        multipart(np.roll(EXAMPLE, (3 * n, -2 * n), axis=(0, 1)), validation=False)
        for n in range(count)
    ]


def send(connection, request):
    connection.request("POST", "/inference/", *request)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def essence(answer):
    return answer["thickness"], answer["mistilt"], answer["center_row_px"]


def latency(server, request, repetitions=15):
    """Median time of one request, and its processor time, ms."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    send(connection, request)
    times = []
    spent = cpu_seconds(server.process.pid)
    for _ in range(repetitions):
        started = time.perf_counter()
        status, _ = send(connection, request)
        times.append(1e3 * (time.perf_counter() - started))
        assert status == 200, status
    spent = cpu_seconds(server.process.pid) - spent
    return statistics.median(times), 1e3 * spent / repetitions


def load(port, clients, seconds, requests, expected):
    """Let clients ask one question after the other; return what they got and how fast."""
    over = time.monotonic() + seconds
    statuses, wrong, times, lock = Counter(), [], [], threading.Lock()

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        turn = number
        while time.monotonic() < over:
            turn += 1
            which = turn % len(requests)
            started = time.perf_counter()
            status, answer = send(connection, requests[which])
            with lock:
                statuses[status] += 1
                if status == 200:
                    times.append(1e3 * (time.perf_counter() - started))
                    if essence(answer) != expected[which]:
                        wrong.append(which)
            if status == 503:
                time.sleep(0.2)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, wrong, times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    large = np.kron(EXAMPLE, np.ones((2, 2), EXAMPLE.dtype))
    with serving("--workers", str(options.workers)) as server:
        print(f"start to ready: {server.start_seconds:.1f} s")
        for name, others in (
            ("refined, with picture", {}),
            ("refined, without picture", {"validation": False}),
            ("network alone, without picture", {"validation": False, "refine": False}),
        ):
            median, spent = latency(server, multipart(large, **others))
            print(f"512² raw, {name}: median {median:.0f} ms, processor time {spent:.0f} ms")
        requests = bodies(7)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        expected = [essence(send(connection, request)[1]) for request in requests]
        statuses, wrong, times = load(server.port, 4, 10, requests, expected)
        print(f"4 clients: median {statistics.median(times):.0f} ms, {dict(statuses)}")
        statuses, wrong, times = load(
            server.port, options.clients, options.seconds, requests, expected
        )
        print(
            f"{options.clients} clients, {options.seconds:g} s: {dict(statuses)}, "
            f"{len(wrong)} wrong answers, median {statistics.median(times):.0f} ms, "
            f"{statuses[200] / options.seconds:.1f} answers per second"
        )
        assert not wrong
        assert set(statuses) <= {200, 503}


if __name__ == "__main__":
    main()
