"""The operator's command line, the local stack, and the demo."""
