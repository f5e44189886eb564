"""`paintbox prove` that is asked to end, as `timeout` does it, leaves nothing running."""

import asyncio
import signal
import subprocess
import sys

from paintbox.commands.stack import INTERRUPTED
from paintbox.stack import processes
from paintbox.stack.places import Places
from support.stacks import CHECKOUT, open_folder
from support.waiting import until_true

SECONDS = 90


def test_a_proof_that_gets_sigterm_stops_all_that_it_started() -> None:
    with open_folder() as folder:
        places = Places(CHECKOUT, folder / "rig")
        prove_it = [sys.executable, "-m", "paintbox", "prove", "--minutes", "5", "--directory", str(places.directory)]
        command = ["sh", "-c", "trap '' INT && exec \"$@\"", "sh", *prove_it]  # as a shell starts it in the background
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as prove:
            asyncio.run(until_true(lambda: "kafka" in processes.read_records(places.pids), SECONDS))

            prove.send_signal(signal.SIGTERM)
            prove.send_signal(signal.SIGTERM)
            said, _ = prove.communicate(timeout=SECONDS)

        assert prove.returncode == INTERRUPTED
        assert "interrupted: everything is stopped" in said
        assert processes.strays(places.directory, []) == []
        assert processes.read_records(places.pids) == {}
