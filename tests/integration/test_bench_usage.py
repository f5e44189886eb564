"""What a process and its children have used, as PostgreSQL and its sessions do."""

import os
import signal
import subprocess
import sys

from paintbox.bench import usage

BUSY_SECONDS = 0.2
FAMILY = f"""
import os, time
def work():
    while time.process_time() < {BUSY_SECONDS}:
        pass
if os.fork() == 0:
    work(), os._exit(0)
os.wait()
told, tell = os.pipe()
if os.fork() == 0:
    work(), os.write(tell, b"."), time.sleep(600)
os.read(told, 1)
print("both have worked", flush=True)
time.sleep(600)
"""


def test_the_cpu_of_a_family_is_that_of_children_that_live_and_of_those_that_have_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True) as parent:
        try:
            assert parent.stdout is not None
            parent.stdout.readline()

            alone, family = usage.cpu_seconds(parent.pid), usage.family_cpu_seconds(parent.pid)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)

    assert family - alone >= 2 * BUSY_SECONDS - 0.05


def test_the_peak_of_memory_is_that_since_it_was_forgotten() -> None:
    large = 64 * 1024 * 1024
    held = bytearray(os.urandom(1)) * large
    most = usage.peak_rss(os.getpid())
    del held

    usage.forget_peak(os.getpid())
    since = usage.peak_rss(os.getpid())
    held = bytearray(os.urandom(1)) * (2 * large)
    grown = usage.peak_rss(os.getpid())

    assert len(held) == 2 * large
    assert since < most - large / 2
    assert grown > since + large
