import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** Reads a topic with the Java client: prints the number of records. Arguments: bootstrap server, topic, number to wait for. */
class ReadWithJava {
  public static void main(String[] args) {
    Map<String, Object> settings =
        Map.of("bootstrap.servers", args[0], "group.id", "compat-" + System.nanoTime(), "auto.offset.reset", "earliest");
    int wanted = Integer.parseInt(args[2]);
    int count = 0;
    long end = System.currentTimeMillis() + 20_000;
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(args[1]));
      while (count < wanted && System.currentTimeMillis() < end) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) {
          if (!record.value().startsWith("{")) throw new IllegalStateException("not the posted bytes");
          count += 1;
        }
      }
    }
    System.out.println(AppInfoParser.getVersion() + " " + count);
  }
}
