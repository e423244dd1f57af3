package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;

/**
 * Holds a real Dubbo provider and consumer and does what JSON lines on stdin say, one after the other; every line is answered on stdout.
 */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PrintStream OUT = System.out;
  private static ServiceConfig<Greeting> provider;
  private static ReferenceConfig<Greeting> consumer;
  private static Greeting greeting;

  public static void main(String[] arguments) throws Exception {
    // Libraries report about themselves on stdout, which belongs to the answers.
    System.setOut(System.err);
    System.setProperty("dubbo.application.logger", "slf4j");
    // Unexporting waits this many milliseconds for calls in progress; there are none.
    System.setProperty("dubbo.service.shutdown.wait", "500");
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
        provide(command);
        return null;
      case "consume":
        consume(command);
        return null;
      case "call":
        if (greeting == null) throw new IllegalStateException("nothing is consumed");
        return greeting.greet(command.get("text").asText());
      case "stop":
        stop();
        return null;
      default:
        throw new IllegalArgumentException("unknown operation " + command.path("op").asText());
    }
  }

  private static void provide(JsonNode command) {
    if (provider != null) throw new IllegalStateException("already provided");
    int port = command.get("port").asInt();
    ServiceConfig<Greeting> config = new ServiceConfig<>();
    config.setApplication(application());
    config.setInterface(Greeting.class);
    config.setRegistry(registry(command));
    // Dubbo refuses to register a loopback address; it takes one of the machine's network, which is reachable from here as well.
    config.setProtocol(new ProtocolConfig("dubbo", port));
    // Without it a consumer of the same process would be served without the registry.
    config.setScope("remote");
    config.setRef(text -> text + " from " + port);
    config.export();
    provider = config;
  }

  private static void consume(JsonNode command) {
    if (consumer != null) throw new IllegalStateException("already consumed");
    ReferenceConfig<Greeting> config = new ReferenceConfig<>();
    config.setApplication(application());
    config.setInterface(Greeting.class);
    config.setRegistry(registry(command));
    config.setScope("remote");
    config.setCheck(false);
    config.setTimeout(3_000);
    config.setRetries(0);
    greeting = config.get();
    consumer = config;
  }

  private static ApplicationConfig application() {
    // One application per process is what Dubbo 2.7 holds, so both sides name the same one.
    ApplicationConfig application = new ApplicationConfig("greeting");
    application.setQosEnable(false);
    return application;
  }

  private static RegistryConfig registry(JsonNode command) {
    RegistryConfig registry = new RegistryConfig("sofa://" + command.get("registry").asText());
    registry.setUseAsConfigCenter(false);
    registry.setUseAsMetadataCenter(false);
    // No file of earlier providers in the home directory: what is called must come from the registry.
    registry.setParameters(Map.of("file.cache", "false"));
    return registry;
  }

  /** Unregisters and closes everything; the connection of the registry client lasts as long as the process, for Dubbo does not close it. */
  private static void stop() {
    if (consumer != null) consumer.destroy();
    if (provider != null) provider.unexport();
    consumer = null;
    provider = null;
    greeting = null;
  }
}
