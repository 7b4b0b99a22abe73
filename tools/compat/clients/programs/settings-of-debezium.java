import io.debezium.config.Field;
import io.debezium.openlineage.OpenLineageConfig;

/** Prints the names of the settings of Debezium's OpenLineage integration. */
class SettingsOfDebezium {
  public static void main(String[] args) throws Exception {
    for (var field : OpenLineageConfig.class.getFields()) {
      Object value = field.get(null);
      System.out.println(value instanceof Field setting ? setting.name() : String.valueOf(value));
    }
  }
}
