"""Reads a topic with confluent-kafka (librdkafka): prints the number of records. Arguments: bootstrap server, topic, number to wait for."""
import sys
import time
import confluent_kafka

server, topic, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = confluent_kafka.Consumer(
    {"bootstrap.servers": server, "group.id": f"compat-{time.time()}", "auto.offset.reset": "earliest"}
)
consumer.subscribe([topic])
count = 0
end = time.time() + 20
while count < wanted and time.time() < end:
    record = consumer.poll(1)
    if record is None:
        continue
    if record.error():
        raise SystemExit(str(record.error()))
    assert record.value().startswith(b"{")
    count += 1
consumer.close()
print(f"{confluent_kafka.__version__} {count}")
