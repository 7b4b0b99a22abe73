"""Reads a topic with kafka-python: prints the number of records. Arguments: bootstrap server, topic, number to wait for."""
import sys
import kafka

server, topic, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = kafka.KafkaConsumer(
    topic, bootstrap_servers=server, auto_offset_reset="earliest", consumer_timeout_ms=15_000
)
count = 0
for record in consumer:
    assert record.value.startswith(b"{")
    count += 1
    if count == wanted:
        break
print(f"{kafka.__version__} {count}")
