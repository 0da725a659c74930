"""Children end with their parent, and not with the thread of it that asked for them."""

import os
import signal
import sys
import threading

import pytest

from pacbed.children import start_child
from tests.security.processes import eventually, lives, program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who lives")

#: A child that is busy and reads nothing, and its parent.
PARENT = """
import os, sys, time
from pacbed.children import start_child
child = start_child([sys.executable, "-c", CHILD], os.environ)
print(child.pid, flush=True)
time.sleep(600)
"""
BUSY = """
import pacbed.children
WITHOUT
pacbed.children.end_with_parent()
print("ready", flush=True)
while True:
    pass
"""
POOL = """
import os, sys, time
from dataclasses import dataclass
from pacbed.maps.processes import spread_over_processes
from pacbed.maps.spread import Job

@dataclass
class Nothing:
    pass

def piece(job):
    yield os.getpid()

if __name__ == "__main__":
    with spread_over_processes(2)(Job(None, None, Nothing())) as run:
        print(next(run([piece, piece])), flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("helped", ["by the system", "by nobody"])
def test_busy_child_of_a_killed_process_ends(tmp_path, helped):
    alone = "pacbed.children._signalled_by_the_system = lambda: False"
    child = BUSY.replace("WITHOUT", "" if helped == "by the system" else alone)
    text = PARENT.replace("CHILD", repr(child))
    with program(tmp_path, text, tmp_path) as parent:
        number = int(parent.stdout.readline())
        assert parent.stdout.readline() == b"ready\n"
        assert lives(number)
        parent.kill()
        parent.wait()
        eventually(lambda: not lives(number), "the child goes on")


def test_child_of_a_parent_that_is_gone_already_ends(tmp_path):
    text = BUSY.replace("WITHOUT", "import os; os.environ['PACBED_PARENT'] = '1234567890'")
    with program(tmp_path, text, tmp_path) as child:
        assert child.wait(60) == 1


def test_child_outlives_the_thread_that_asked_for_it():
    started = []
    waits = [sys.executable, "-c", BUSY.replace("WITHOUT", "").replace("pass", "input()")]
    thread = threading.Thread(
        target=lambda: started.append(start_child(waits, os.environ, answers=True))
    )
    thread.start()
    thread.join()
    (child,) = started
    assert child.stdout.readline() == b"ready\n"
    assert child.poll() is None
    child.stdin.write(b"\n")
    child.stdin.flush()
    os.kill(child.pid, signal.SIGTERM)
    # It ended by this signal, so nothing else had ended it before.
    assert child.wait() == -signal.SIGTERM
    child.stdin.close()
    child.stdout.close()


def test_processes_of_a_killed_map_end(tmp_path):
    with program(tmp_path, POOL, tmp_path) as parent:
        number = int(parent.stdout.readline())
        assert lives(number)
        parent.kill()
        parent.wait()
        eventually(lambda: not lives(number), "a process of the pool goes on")
