package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Holds real SOFARegistry clients and does what JSON lines on stdin say; every line is answered on stdout. */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, Client> CLIENTS = new ConcurrentHashMap<>();
  private static final PrintStream OUT = System.out;

  public static void main(String[] arguments) throws Exception {
    // The logging library below the client reports about itself on stdout, which belongs to the answers.
    System.setOut(System.err);
    Map<String, ExecutorService> workers = new HashMap<>();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode command = JSON.readTree(line);
      // Commands to one client keep their order, and a slow one does not hold up the other clients.
      workers.computeIfAbsent(command.path("client").asText(), name -> Executors.newSingleThreadExecutor())
          .execute(() -> answer(command));
    }
    System.exit(0);
  }

  private static void answer(JsonNode command) {
    Map<String, Object> answer = new HashMap<>();
    answer.put("id", command.path("id").asInt());
    try {
      answer.put("value", perform(command));
    } catch (Throwable error) {
      answer.put("error", String.valueOf(error));
    }
    try {
      String text = JSON.writeValueAsString(answer);
      synchronized (OUT) {
        OUT.println(text);
        OUT.flush();
      }
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  private static Object perform(JsonNode command) throws Exception {
    String op = command.path("op").asText();
    String name = command.path("client").asText();
    if (op.equals("start")) {
      if (CLIENTS.containsKey(name)) throw new IllegalStateException("client is already started: " + name);
      CLIENTS.put(name, new Client(command));
      return null;
    }
    String key = command.path("key").asText();
    switch (op) {
      case "publish":
        client(name).publish(key, command.get("dataId").asText(), optional(command, "group"), values(command));
        return null;
      case "republish":
        client(name).republish(key, values(command));
        return null;
      case "unpublish":
        client(name).unpublish(key);
        return null;
      case "subscribe":
        client(name).subscribe(key, command.get("dataId").asText(), optional(command, "group"), optional(command, "scope"));
        return null;
      case "received":
        return client(name).received(key);
      case "unsubscribe":
        client(name).unsubscribe(key);
        return null;
      case "configurator":
        client(name).configurator(key, command.get("dataId").asText(), optional(command, "group"));
        return null;
      case "config":
        return client(name).config(key);
      case "configCount":
        return client(name).configCount(key);
      case "registered":
        return client(name).registered(key);
      case "server":
        return client(name).server();
      case "cut":
        client(name).cut();
        return null;
      case "stop":
        client(name).stop();
        CLIENTS.remove(name);
        return null;
      default:
        throw new IllegalArgumentException("unknown operation " + op);
    }
  }

  private static Client client(String name) {
    Client client = CLIENTS.get(name);
    if (client == null) throw new IllegalStateException("no such client: " + name);
    return client;
  }

  private static String optional(JsonNode command, String field) {
    return command.hasNonNull(field) ? command.get(field).asText() : null;
  }

  private static String[] values(JsonNode command) {
    List<String> values = new ArrayList<>();
    command.get("values").forEach(value -> values.add(value.isNull() ? null : value.asText()));
    return values.toArray(new String[0]);
  }
}
