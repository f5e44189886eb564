"""The console script `webhook-log`."""

from functools import partial

from synckit import process
from synckit.drain import Drain
from synckit.settings import load
from webhook_ingest.log.app import NAME, lifetime
from webhook_ingest.settings import LogSettings


def main() -> None:
    """Run until SIGTERM."""
    settings = load(LogSettings)
    drain = Drain(settings.drain_seconds)
    process.serve(NAME, settings, process.living(partial(lifetime, settings, drain)), drain)


if __name__ == "__main__":
    main()
