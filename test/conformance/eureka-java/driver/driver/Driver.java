package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Holds real clients and does what JSON lines on stdin say; every line is answered on stdout, in any order. */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, Client> CLIENTS = new ConcurrentHashMap<>();
  private static PrintStream out;
  private static MismatchCounter mismatches;

  public static void main(String[] arguments) throws Exception {
    out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    mismatches = new MismatchCounter(System.err);
    PrintStream log = new PrintStream(mismatches, true, StandardCharsets.UTF_8);
    System.setOut(log);
    System.setErr(log);
    ExecutorService pool = Executors.newCachedThreadPool();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode command = JSON.readTree(line);
      pool.execute(() -> answer(command));
    }
    Runtime.getRuntime().halt(0);
  }

  private static void answer(JsonNode command) {
    Map<String, Object> answer = new HashMap<>();
    answer.put("id", command.get("id").asInt());
    try {
      answer.put("value", perform(command));
    } catch (Throwable error) {
      error.printStackTrace();
      answer.put("error", String.valueOf(error));
    }
    try {
      String text = JSON.writeValueAsString(answer);
      synchronized (out) {
        out.println(text);
        out.flush();
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static Object perform(JsonNode command) throws Exception {
    String name = command.path("client").asText();
    String operation = command.get("op").asText();
    if (operation.equals("start")) {
      CLIENTS.put(name, Starter.start(command));
      return null;
    }
    if (operation.equals("mismatches")) return mismatches.count();
    Client client = CLIENTS.get(name);
    if (client == null) throw new IllegalArgumentException("no client is called " + name);
    switch (operation) {
      case "instances":
        return client.instances(command.get("app").asText());
      case "vip":
        return client.vip(command.get("vip").asText());
      case "metadata":
        client.changeMetadata(texts(command.get("metadata")));
        return null;
      case "watch":
        client.watch(command.get("app").asText());
        return null;
      case "least":
        return client.least();
      case "refreshes":
        return client.refreshes();
      case "stop":
        CLIENTS.remove(name).stop();
        return null;
      default:
        return client.more(operation, command);
    }
  }

  static Map<String, String> texts(JsonNode object) {
    Map<String, String> texts = new HashMap<>();
    object.fields().forEachRemaining(field -> texts.put(field.getKey(), field.getValue().asText()));
    return texts;
  }
}
