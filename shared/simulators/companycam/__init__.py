"""CompanyCam: its records, its webhooks, and the part of its API that registers them."""
