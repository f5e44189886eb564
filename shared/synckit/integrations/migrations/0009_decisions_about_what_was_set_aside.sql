-- What an operator decides about what was set aside, and which consumers wait for such a decision.

-- A consumer that stopped because it parked more than bad data explains. It is in force, for every copy of the process
-- and over restarts, until somebody clears it (`paintbox parked resume`).
CREATE TABLE integrations.consumer_alarms (
    consumer   text NOT NULL,
    topic      text NOT NULL,
    raised_at  timestamptz NOT NULL DEFAULT now(),
    records    integer NOT NULL, -- within the minute before
    parked     integer NOT NULL, -- of these
    cleared_at timestamptz,

    PRIMARY KEY (consumer, topic),
    CONSTRAINT consumer_alarms_parked_are_records CHECK (parked BETWEEN 0 AND records)
);

-- A quarantined delivery (a row of webhook_events) that is to be read again by the running release, or was dropped. A
-- table of its own: that one is large, partitioned and written by every webhook. The row goes when it was read again.
CREATE TABLE integrations.quarantine_decisions (
    event_id         uuid PRIMARY KEY,
    received_at      timestamptz NOT NULL, -- with it the event's row is found in its month
    redrive_asked_at timestamptz,
    dropped_at       timestamptz,

    CONSTRAINT quarantine_decisions_is_one CHECK ((redrive_asked_at IS NULL) <> (dropped_at IS NULL))
);

GRANT SELECT, INSERT, UPDATE ON integrations.consumer_alarms
    TO paintbox_customer_sync, paintbox_photo_sync, paintbox_webhook_log;

-- The webhook log reads quarantined bodies again: what it understands now goes into the spool, which it sends. Locking a
-- decision asks for the right to update some column of it.
GRANT SELECT, DELETE, UPDATE (redrive_asked_at) ON integrations.quarantine_decisions TO paintbox_webhook_log;
GRANT INSERT ON integrations.webhook_spool TO paintbox_webhook_log;
