"""Reads a topic with aiokafka: prints the number of records. Arguments: bootstrap server, topic, number to wait for."""
import asyncio
import sys
import aiokafka

server, topic, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])


async def main():
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=server, auto_offset_reset="earliest")
    await consumer.start()
    count = 0
    try:
        while count < wanted:
            record = await asyncio.wait_for(consumer.getone(), 15)
            assert record.value.startswith(b"{")
            count += 1
    finally:
        await consumer.stop()
    print(f"{aiokafka.__version__} {count}")


asyncio.run(main())
