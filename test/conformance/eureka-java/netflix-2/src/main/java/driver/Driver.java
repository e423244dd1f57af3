package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.discovery.CacheRefreshedEvent;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.shared.Application;
import com.netflix.discovery.shared.transport.jersey3.Jersey3TransportClientFactories;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
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
import java.util.concurrent.atomic.AtomicInteger;

/** Holds real Netflix clients and does what JSON lines on stdin say; every line is answered on stdout. */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicInteger MISMATCHES = new AtomicInteger();
  private static final Map<String, Client> CLIENTS = new ConcurrentHashMap<>();
  private static final PrintStream OUT = System.out;

  private static final class Client {
    DiscoveryClient discovery;
    ApplicationInfoManager manager;
    volatile String watched;
    volatile Integer least;
    final AtomicInteger refreshes = new AtomicInteger();

    List<InstanceInfo> instances(String app) {
      Application application = discovery.getApplication(app);
      return application == null ? List.of() : application.getInstancesAsIsFromEureka();
    }

    void refreshed() {
      refreshes.incrementAndGet();
      if (watched == null) return;
      int count = instances(watched).size();
      if (least == null || count < least) least = count;
    }
  }

  public static void main(String[] arguments) throws Exception {
    System.setErr(new PrintStream(new MismatchCounter(), true, StandardCharsets.UTF_8));
    ExecutorService pool = Executors.newCachedThreadPool();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode command = JSON.readTree(line);
      pool.execute(() -> answer(command));
    }
    System.exit(0);
  }

  private static void answer(JsonNode command) {
    Map<String, Object> answer = new HashMap<>();
    answer.put("id", command.get("id").asInt());
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
    String name = command.path("client").asText();
    Client client = CLIENTS.get(name);
    switch (command.get("op").asText()) {
      case "start":
        CLIENTS.put(name, start(command));
        return null;
      case "instances":
        return describe(client.instances(command.get("app").asText()));
      case "vip":
        return describe(client.discovery.getInstancesByVipAddress(command.get("vip").asText(), false));
      case "metadata":
        client.manager.registerAppMetadata(texts(command.get("metadata")));
        return null;
      case "watch":
        client.least = null;
        client.watched = command.get("app").asText();
        return null;
      case "least":
        return client.least;
      case "refreshes":
        return client.refreshes.get();
      case "mismatches":
        return MISMATCHES.get();
      case "stop":
        CLIENTS.remove(name).discovery.shutdown();
        return null;
      default:
        throw new IllegalArgumentException("unknown operation " + command.get("op"));
    }
  }

  private static List<Object> describe(List<InstanceInfo> instances) {
    List<Object> described = new ArrayList<>();
    for (InstanceInfo instance : instances) {
      described.add(Map.of(
          "instanceId", instance.getId(),
          "status", instance.getStatus().name(),
          "metadata", instance.getMetadata() == null ? Map.of() : instance.getMetadata()));
    }
    return described;
  }

  private static Client start(JsonNode options) {
    MyDataCenterInstanceConfig instance = new MyDataCenterInstanceConfig() {
      @Override public String getInstanceId() { return options.get("instanceId").asText(); }
      @Override public String getAppname() { return options.get("app").asText(); }
      @Override public String getVirtualHostName() { return options.get("app").asText().toLowerCase(); }
      @Override public String getHostName(boolean refresh) { return "127.0.0.1"; }
      @Override public String getIpAddress() { return "127.0.0.1"; }
      @Override public int getNonSecurePort() { return options.get("port").asInt(); }
      @Override public int getLeaseRenewalIntervalInSeconds() { return Math.max(1, options.get("heartbeatMs").asInt() / 1000); }
      @Override public int getLeaseExpirationDurationInSeconds() { return options.get("leaseSeconds").asInt(); }
      @Override public boolean isInstanceEnabledOnit() { return true; }
      @Override public Map<String, String> getMetadataMap() { return texts(options.get("metadata")); }
    };
    DefaultEurekaClientConfig config = new DefaultEurekaClientConfig() {
      @Override public List<String> getEurekaServerServiceUrls(String zone) { return List.of(options.get("url").asText() + "/"); }
      @Override public int getRegistryFetchIntervalSeconds() { return Math.max(1, options.get("fetchMs").asInt() / 1000); }
      @Override public int getInitialInstanceInfoReplicationIntervalSeconds() { return 0; }
      @Override public int getInstanceInfoReplicationIntervalSeconds() { return 1; }
      @Override public boolean shouldDisableDelta() { return !options.get("delta").asBoolean(); }
      @Override public boolean shouldFilterOnlyUpInstances() { return false; }
      @Override public int getCacheRefreshExecutorExponentialBackOffBound() { return 1; }
      @Override public int getHeartbeatExecutorExponentialBackOffBound() { return 1; }
    };
    Client client = new Client();
    InstanceInfo info = new EurekaConfigBasedInstanceInfoProvider(instance).get();
    client.manager = new ApplicationInfoManager(instance, info);
    client.discovery = new DiscoveryClient(client.manager, config, new Jersey3TransportClientFactories());
    client.discovery.registerEventListener(event -> {
      if (event instanceof CacheRefreshedEvent) client.refreshed();
    });
    return client;
  }

  private static Map<String, String> texts(JsonNode object) {
    Map<String, String> texts = new HashMap<>();
    object.fields().forEachRemaining(field -> texts.put(field.getKey(), field.getValue().asText()));
    return texts;
  }

  /** Counts the client's own reports of a hash mismatch, which it writes to its log; keeps nothing else of it. */
  private static final class MismatchCounter extends ByteArrayOutputStream {
    @Override public synchronized void flush() {
      String text = toString(StandardCharsets.UTF_8);
      int end = text.lastIndexOf('\n') + 1;
      if (end == 0) return;
      for (String line : text.substring(0, end).split("\n")) {
        if (line.contains("The Reconcile hashcodes do not match")) MISMATCHES.incrementAndGet();
      }
      reset();
      byte[] rest = text.substring(end).getBytes(StandardCharsets.UTF_8);
      write(rest, 0, rest.length);
    }
  }
}
