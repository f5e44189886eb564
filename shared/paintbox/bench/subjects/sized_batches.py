"""customer-sync whole, as it always is, but for how many records of Salesforce's webhooks it takes at once."""

import os
import sys
from functools import partial
from typing import Final

from customer_sync import __main__ as service
from customer_sync import app
from synckit.consumer import Intake

SIZE: Final = "BENCH_BATCH_RECORDS"
"""Not a setting of the product: how many records a batch has at most."""

if __name__ == "__main__":
    if not hasattr(app, "Intake"):
        sys.exit("customer_sync.app builds its consumers in another way now: this has to be thought of anew")
    vars(app)["Intake"] = partial(Intake, at_most=int(os.environ[SIZE]))
    service.main()
