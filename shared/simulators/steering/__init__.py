"""The requests that steer a simulator, all below `/_simulator/`: records, subscriptions, faults, the clock, the log."""
