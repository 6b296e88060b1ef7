"""The flow on Kafka: what the embedded bus does with the database's log, over topics and for many workers."""
