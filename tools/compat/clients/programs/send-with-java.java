import io.openlineage.client.Clients;
import io.openlineage.client.OpenLineage;
import io.openlineage.client.OpenLineage.RunEvent.EventType;
import java.net.URI;
import java.time.ZonedDateTime;
import java.util.UUID;

/** Sends 17 events with openlineage-java. Its settings are in openlineage.yml of the working folder. */
class SendWithJava {
  public static void main(String[] args) throws Exception {
    var lineage = new OpenLineage(URI.create("https://example.org/compat/zürich"));
    try (var client = Clients.newClient()) {
      for (int number = 0; number < 5; number++) {
        var run = lineage.newRunBuilder().runId(UUID.randomUUID()).build();
        var job = lineage.newJobBuilder().namespace("compat").name("job-" + number).build();
        for (var type : new EventType[] {EventType.START, EventType.RUNNING, EventType.COMPLETE}) {
          client.emit(
              lineage.newRunEventBuilder().eventType(type).eventTime(ZonedDateTime.now()).run(run).job(job).build());
        }
      }
      var job = lineage.newJobBuilder().namespace("compat").name("only-a-job").build();
      client.emit(lineage.newJobEventBuilder().eventTime(ZonedDateTime.now()).job(job).build());
      var dataset = lineage.newStaticDatasetBuilder().namespace("compat").name("only-a-dataset").build();
      client.emit(lineage.newDatasetEventBuilder().eventTime(ZonedDateTime.now()).dataset(dataset).build());
    }
  }
}
