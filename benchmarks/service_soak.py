"""Whether the service grows: a steady mixture of good and bad requests, for as long as you like.

    python benchmarks/service_soak.py [--minutes 3]

It begins with files from many clients at once, so that as many reading processes run as ever will:
one is started whenever all others are busy, and kept. Prints the memory of the service and its
reading processes, and their number, once a minute. With ten minutes or more it compares the second
minute with the tenth.
"""

import argparse
import http.client
import json
import threading
import time
from pathlib import Path

import numpy as np
from service_tools import multipart, serving

ROOT = Path(__file__).parent.parent
EXAMPLE = np.load(ROOT / "examples" / "sto-001-300kV_42nm.npy")


#: Clients that send a file at the same moment, and how often.
BURST, ROUNDS = 16, 4


def memory_mib(process):
    """Resident memory of a process and of each below it, MiB (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    found = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")]
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += memory_mib(int(child))
    return found


def send(connection, path, request):
    """Status of a request; the connection stays open."""
    connection.request("POST", path, *request)
    response = connection.getresponse()
    json.loads(response.read())
    assert response.status < 500 or response.status == 503, response.status
    return response.status


def burst(port):
    """Have many files read at once."""
    request = multipart(EXAMPLE, file_params={"typ": "dm4"})

    def one():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for _ in range(ROUNDS):
            send(connection, "/inference/", request)

    threads = [threading.Thread(target=one) for _ in range(BURST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def mixture():
    stack = np.stack([EXAMPLE, np.zeros_like(EXAMPLE)])
    return [
        ("/inference/", multipart(EXAMPLE)),
        ("/inference/", multipart(EXAMPLE, validation=False, views=True)),
        ("/inference/", multipart(EXAMPLE[:100], validation=False)),
        ("/inference/", multipart(EXAMPLE, file_params={"typ": "dm4"})),
        ("/inference/", multipart(EXAMPLE, mrad_per_pixel=-1)),
        ("/inference/batch/", multipart(stack, refine=False)),
        ("/inference/", multipart(EXAMPLE, validation="report")),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    options = parser.parse_args()
    requests = mixture()
    done = []

    def client(port, number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        turn = number
        while time.monotonic() < over:
            path, request = requests[turn % len(requests)]
            turn += 1
            done.append(send(connection, path, request))

    with serving() as server:
        burst(server.port)
        over = time.monotonic() + 60 * options.minutes
        threads = [threading.Thread(target=client, args=(server.port, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        memory = []
        while time.monotonic() < over:
            time.sleep(min(60.0, max(0.1, over - time.monotonic())))
            service, *readers = memory_mib(server.process.pid)
            memory.append(service + sum(readers))
            print(
                f"minute {len(memory)}: {memory[-1]:.0f} MiB (service {service:.0f}, "
                f"{len(readers)} readers), {len(done)} requests",
                flush=True,
            )
        for thread in threads:
            thread.join()
    if len(memory) >= 10:
        print(f"growth from the second to the tenth minute: {memory[9] - memory[1]:+.1f} MiB")


if __name__ == "__main__":
    main()
