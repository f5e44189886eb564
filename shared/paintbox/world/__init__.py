"""What demo and proof share: records as people would enter them, the simulators that hold them, the rows they become.

Nothing here uses the services: what is expected of their rows is written down a second time, apart from theirs.
"""
