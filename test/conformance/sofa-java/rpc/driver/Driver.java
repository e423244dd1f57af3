package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Holds a real provider and consumer of the module's framework and does what JSON lines on stdin say, one after the other; every line is
 * answered on stdout.
 */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PrintStream OUT = System.out;
  /** Ends the provider. */
  private static Runnable provided;
  private static Consumer consumer;

  public static void main(String[] arguments) throws Exception {
    // Libraries report about themselves on stdout, which belongs to the answers.
    System.setOut(System.err);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode command = JSON.readTree(line);
      Map<String, Object> answer = new HashMap<>();
      answer.put("id", command.path("id").asInt());
      try {
        answer.put("value", perform(command));
      } catch (Throwable error) {
        answer.put("error", String.valueOf(error));
      }
      OUT.println(JSON.writeValueAsString(answer));
      OUT.flush();
    }
    // The shutdown hooks of the library would take their time; the process has nothing left to save.
    Runtime.getRuntime().halt(0);
  }

  private static Object perform(JsonNode command) {
    switch (command.path("op").asText()) {
      case "provide":
        if (provided != null) throw new IllegalStateException("already provided");
        provided = Framework.provide(command.get("registry").asText(), command.get("port").asInt());
        return null;
      case "consume":
        if (consumer != null) throw new IllegalStateException("already consumed");
        consumer = Framework.consume(command.get("registry").asText());
        return null;
      case "call":
        if (consumer == null) throw new IllegalStateException("nothing is consumed");
        return consumer.greeting().greet(command.get("text").asText());
      case "stop":
        stop();
        return null;
      default:
        throw new IllegalArgumentException("unknown operation " + command.path("op").asText());
    }
  }

  /** Unregisters and closes both; the connection of the registry client lasts as long as the process. */
  private static void stop() {
    if (consumer != null) consumer.close().run();
    if (provided != null) provided.run();
    consumer = null;
    provided = null;
  }
}
