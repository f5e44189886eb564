"""The console script `customer-sync`."""

from functools import partial

from customer_sync.app import NAME, lifetime
from customer_sync.settings import Settings
from synckit import process
from synckit.drain import Drain
from synckit.settings import load


def main() -> None:
    """Run until SIGTERM."""
    settings = load(Settings)
    drain = Drain(settings.drain_seconds)
    process.serve(NAME, settings, process.living(partial(lifetime, settings, drain)), drain)


if __name__ == "__main__":
    main()
