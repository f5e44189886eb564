-- What each copy of a consumer applied within a minute, told every few seconds: whether what all of them parked is more
-- than bad data explains is a share of what all of them applied.
CREATE TABLE integrations.consumer_counts (
    consumer   text NOT NULL,
    topic      text NOT NULL,
    copy       uuid NOT NULL, -- one life of one process
    records    bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now(),

    PRIMARY KEY (consumer, topic, copy),
    CONSTRAINT consumer_counts_records_are_not_negative CHECK (records >= 0)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON integrations.consumer_counts
    TO paintbox_customer_sync, paintbox_photo_sync, paintbox_webhook_log;

-- By Kafka's clock: what a record that is put through again claims to be is judged as of then. None in older rows.
ALTER TABLE integrations.parked_records ADD COLUMN came_at timestamptz;
