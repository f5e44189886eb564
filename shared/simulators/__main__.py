"""`python -m simulators salesforce|companycam`: one simulator, until SIGTERM."""

import argparse
import sys
from collections.abc import Mapping
from typing import Final

from simulators import app
from simulators.companycam import api as companycam_api
from simulators.companycam.vendor import COMPANYCAM
from simulators.resources import Resources
from simulators.salesforce.vendor import SALESFORCE
from simulators.settings import SimulatorSettings
from simulators.storage import UnusableFileError
from simulators.vendor import Vendor
from synckit import process, web
from synckit.drain import Drain
from synckit.settings import load


def _no_api(_: Resources, __: SimulatorSettings) -> web.Routes:
    return {}


VENDORS: Final[Mapping[str, tuple[Vendor, app.Api]]] = {
    SALESFORCE.name: (SALESFORCE, _no_api),
    COMPANYCAM.name: (COMPANYCAM, companycam_api.routes),
}


def main() -> None:
    """Runs the simulator that the command line names. Exits 1 where its file cannot be used, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="One vendor, simulated; see docs/simulators.md"
    )
    parser.add_argument("vendor", choices=VENDORS)
    vendor, api = VENDORS[parser.parse_args().vendor]
    settings = load(SimulatorSettings)
    try:
        application = app.build(vendor, api, settings)
    except UnusableFileError as error:
        sys.exit(f"error: {error}")
    process.serve(f"{vendor.name}-simulator", settings, application, Drain(settings.drain_seconds))


if __name__ == "__main__":
    main()
