package driver;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.RegistryConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Holds a real SOFARPC provider and consumer and does what JSON lines on stdin say, one after the other; every line is answered on stdout.
 * SOFARPC keeps one registry client per process, that of the first registry named: provider and consumer of one driver share it.
 */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PrintStream OUT = System.out;
  private static ProviderConfig<Greeting> provider;
  private static ConsumerConfig<Greeting> consumer;
  private static Greeting greeting;

  public static void main(String[] arguments) throws Exception {
    // Libraries report about themselves on stdout, which belongs to the answers.
    System.setOut(System.err);
    // The tracer would write files below the home directory.
    System.setProperty("default.tracer", "");
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
    // The virtual host is what gets registered; without it SOFARPC replaces a loopback address by one of the network.
    ServerConfig server = new ServerConfig().setProtocol("bolt").setPort(port).setDaemon(true).setHost("127.0.0.1")
        .setVirtualHost("127.0.0.1");
    ProviderConfig<Greeting> config = new ProviderConfig<>();
    config.setApplication(new ApplicationConfig().setAppName("greeting-provider"));
    config.setInterfaceId(Greeting.class.getName());
    config.setRegistry(registry(command));
    config.setServer(server);
    config.setRef(text -> text + " from " + port);
    config.export();
    provider = config;
  }

  private static void consume(JsonNode command) {
    if (consumer != null) throw new IllegalStateException("already consumed");
    ConsumerConfig<Greeting> config = new ConsumerConfig<>();
    config.setApplication(new ApplicationConfig().setAppName("greeting-consumer"));
    config.setInterfaceId(Greeting.class.getName());
    config.setRegistry(registry(command));
    config.setProtocol("bolt");
    config.setTimeout(3_000);
    // A provider in the same process must be found through the registry, too.
    config.setInJVM(false);
    greeting = config.refer();
    consumer = config;
  }

  private static RegistryConfig registry(JsonNode command) {
    return new RegistryConfig().setProtocol("sofa").setAddress(command.get("registry").asText());
  }

  /** Unregisters and closes provider and consumer; the connection of the registry client lasts as long as the process. */
  private static void stop() {
    if (consumer != null) consumer.unRefer();
    if (provider != null) {
      provider.unExport();
      provider.getServer().forEach(ServerConfig::destroy);
    }
    consumer = null;
    provider = null;
    greeting = null;
  }
}
