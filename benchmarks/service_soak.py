"""Whether the service grows, errs or leaves anything, over half an hour of all that may come.

    python benchmarks/service_soak.py [--minutes 30] [--workers 2]

Good clients compare each answer with the library's, and maps with those of ``pacbed map``; bad
ones send what cannot be answered, or go away; silent ones open connections and say nothing;
good, broken and deeply nested files are dropped into the data folder. All of them are at work
until the end. Then the service is ended by SIGTERM, by SIGINT and by SIGKILL, each with a map
in the making.

Prints memory and descriptors of all processes of the service, and a line for each thing that it
must show; the exit status is 1 if one of them is not shown. Needs Linux.
"""

import argparse
import signal
import socket
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from service_tools import descendants, descriptors, lives, memory_mib, of_process, serving
from soak_clients import Good, Maps, Tally, run_bad, run_silent
from soak_files import run_files

#: Clients at once: good, bad, silent.
GOOD, BAD, SILENT = 4, 2, 12
#: Clients that send a file at the same moment in the beginning, so that as many reading
#: processes run as ever will.
BURST = 8
#: The memory is flat where it grows by less than this share, from minute 5 to the end.
FLAT = 0.05
#: Descriptors that a process may have more than in the beginning, when nothing is asked.
SLACK = 4
SAMPLE_SECONDS, MAP_PAUSE_SECONDS, FILE_PAUSE_SECONDS = 10.0, 20.0, 7.0


def processes_of(server):
    """Processes of the service that stay: without those that make a map and then end."""
    below = [server.process.pid, *descendants(server.process.pid)]
    return [p for p in below if "maps.process" not in of_process(p, "cmdline")]


def burst(server, good, tally):
    """Have many files read at once."""
    with ThreadPoolExecutor(BURST) as pool:
        for number in range(BURST):
            pool.submit(good.ask, server.port, tally, 2 * number + 1)


def watch(server, tally, over, samples):
    """Measure memory and descriptors until the end; samples of seconds, MiB, number, makers."""
    began, told = time.monotonic(), 0
    while time.monotonic() < over:
        everything = [server.process.pid, *descendants(server.process.pid)]
        staying = processes_of(server)
        total = sum(map(memory_mib, staying))
        making = sum(map(memory_mib, everything)) - total
        elapsed = time.monotonic() - began
        open_files = sum(map(descriptors, staying))
        samples.append((elapsed, total, open_files))
        if elapsed >= 60 * told:
            told += 1
            print(
                f"minute {elapsed / 60:.1f}: {total:.0f} MiB in {len(staying)} processes "
                f"(and {max(0, making):.0f} where a map is made), {open_files} descriptors, "
                f"{sum(tally.counts.values())} requests",
                flush=True,
            )
        time.sleep(min(SAMPLE_SECONDS, max(0.1, over - time.monotonic())))


def quiet_descriptors(server, enough=0, seconds=60):
    """Fewest descriptors of the service when nothing is asked; it need not have fewer than enough.

    Connections that clients have closed, or kept, end a little later.
    """
    deadline, fewest = time.monotonic() + seconds, 10**9
    while fewest > enough and time.monotonic() < deadline:
        fewest = min(fewest, sum(map(descriptors, processes_of(server))))
        time.sleep(0.5)
    return fewest


class Verdict:
    """What the service must show."""

    def __init__(self):
        self.failed = 0

    def __call__(self, shown, what):
        self.failed += not shown
        print(f"{'ok' if shown else 'FAILED'}: {what}", flush=True)


def judge_memory(verdict, samples, minutes):
    """Compare the memory from minute 5 on, or from half of a shorter time, with the end."""
    begin = 60 * min(5.0, minutes / 2)
    late = [(seconds / 60, mib) for seconds, mib, _ in samples if seconds >= begin]
    if len(late) < 6:
        verdict(False, "too few measurements of the memory: let it run longer")
        return
    at, mib = np.array(late).T
    window = max(3, len(late) // 6)
    first, last = statistics.median(mib[:window]), statistics.median(mib[-window:])
    (slope, _), covariance = np.polyfit(at, mib, 1, cov=True)
    verdict(
        last - first <= FLAT * first,
        f"memory of all processes that stay: {first:.0f} MiB at minute {at[0]:.1f}, {last:.0f} at "
        f"the end; slope {60 * slope:+.1f} ± {60 * np.sqrt(covariance[0, 0]):.1f} MiB an hour",
    )


def soak(verdict, options, good, maps, temporary):
    """The long part, and its end by SIGTERM."""
    tally, samples = Tally(), []
    with (
        tempfile.TemporaryDirectory() as data,
        serving("--workers", str(options.workers), "--data", data, TMPDIR=temporary) as server,
    ):
        # Whatever is made at first use is there before anything is compared.
        burst(server, good, tally)
        for turn in range(2 * len(good) * options.workers):
            good.ask(server.port, tally, turn)
        for _ in range(options.workers):
            maps.make(server.port, tally)
        quiet = quiet_descriptors(server, seconds=10)
        over = time.monotonic() + 60 * options.minutes
        port = server.port
        clients = [(watch, (server, tally, over, samples)),
                   (run_files, (Path(data), over, FILE_PAUSE_SECONDS)),
                   (maps.run, (port, tally, over, MAP_PAUSE_SECONDS))]  # fmt: skip
        clients += [(good.run, (port, tally, over, 3 * number)) for number in range(GOOD)]
        clients += [(run_bad, (port, tally, over))] * BAD
        clients += [(run_silent, (port, tally, over))] * SILENT
        with ThreadPoolExecutor(len(clients)) as pool:
            for future in [pool.submit(work, *given) for work, given in clients]:
                future.result()  # what went wrong here ends the soak
        for (client, outcome), count in sorted(tally.counts.items()):
            print(f"  {client}: {outcome}: {count}")
        judge_memory(verdict, samples, options.minutes)
        after = quiet_descriptors(server, enough=quiet + SLACK)
        verdict(after <= quiet + SLACK, f"descriptors: {quiet} before, {after} after")
        # Right after its load, too, the service answers.
        good.ask(server.port, tally, 0)
        answered = tally.counts["good", "200"]
        verdict(
            not tally.wrong and answered,
            f"{answered} answers and {tally.counts['maps', 'done']} maps, {len(tally.wrong)} wrong",
        )
        for wrong in tally.wrong[:20]:
            print(f"  {wrong}")
        verdict("Traceback" not in server.log.read_text(), "no error in the log")
        end(verdict, server, signal.SIGTERM, maps, temporary)


def left_in(temporary):
    return sorted(path.name for path in Path(temporary).iterdir())


def end(verdict, server, number, maps, temporary):
    """End a service while it makes a map, and look what it leaves."""
    maps.start(server.port)
    below = descendants(server.process.pid)
    server.process.send_signal(number)
    server.process.wait(120)
    deadline = time.monotonic() + 10
    while any(map(lives, below)) and time.monotonic() < deadline:
        time.sleep(0.1)
    name = signal.Signals(number).name
    verdict(not any(map(lives, below)), f"after {name} none of {len(below)} processes goes on")
    with socket.socket() as one:
        refused = one.connect_ex(("127.0.0.1", server.port)) != 0
    verdict(refused, f"after {name} the port is free")
    if number != signal.SIGKILL:
        verdict(not left_in(temporary), f"after {name} is left: {left_in(temporary) or 'nothing'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    verdict = Verdict()
    with tempfile.TemporaryDirectory() as folder:
        good, maps = Good(), Maps(Path(folder))
        temporary = Path(folder) / "temporary"
        temporary.mkdir()
        place = str(temporary)
        soak(verdict, options, good, maps, place)
        for number, workers in ((signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGINT, 2),
                                (signal.SIGKILL, 2), (signal.SIGKILL, 1)):  # fmt: skip
            with serving("--workers", str(workers), TMPDIR=place) as server:
                good.ask(server.port, Tally(), 1)
                print(f"{workers} worker{'s' * (workers > 1)}:")
                end(verdict, server, number, maps, place)
            if number == signal.SIGKILL:
                print(f"  left by SIGKILL: {left_in(place) or 'nothing'}")
                with serving(TMPDIR=place):
                    left = left_in(place)
                    verdict(not left, f"after the next start is left: {left or 'nothing'}")
    sys.exit(1 if verdict.failed else 0)


if __name__ == "__main__":
    main()
