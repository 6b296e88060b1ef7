"""What agencies get: headers and signatures of messages, topics and access lists, and archives played to Kafka."""
