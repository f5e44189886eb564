"""The console script `webhook-ingest`."""

from functools import partial

from synckit import process
from synckit.drain import Drain
from synckit.settings import load
from webhook_ingest.app import NAME, lifetime
from webhook_ingest.settings import IngestSettings


def main() -> None:
    """Run until SIGTERM."""
    settings = load(IngestSettings)
    process.serve(NAME, settings, process.living(partial(lifetime, settings)), Drain(settings.drain_seconds))


if __name__ == "__main__":
    main()
