package driver;

import com.alipay.remoting.Connection;
import com.alipay.sofa.registry.client.api.Configurator;
import com.alipay.sofa.registry.client.api.Publisher;
import com.alipay.sofa.registry.client.api.Register;
import com.alipay.sofa.registry.client.api.Subscriber;
import com.alipay.sofa.registry.client.api.model.ConfigData;
import com.alipay.sofa.registry.client.api.model.UserData;
import com.alipay.sofa.registry.client.api.registration.ConfiguratorRegistration;
import com.alipay.sofa.registry.client.api.registration.PublisherRegistration;
import com.alipay.sofa.registry.client.api.registration.SubscriberRegistration;
import com.alipay.sofa.registry.client.provider.DefaultRegistryClient;
import com.alipay.sofa.registry.client.provider.DefaultRegistryClientConfigBuilder;
import com.alipay.sofa.registry.client.provider.RegisterCache;
import com.alipay.sofa.registry.client.remoting.ClientConnection;
import com.alipay.sofa.registry.client.remoting.ServerManager;
import com.alipay.sofa.registry.client.remoting.ServerNode;
import com.alipay.sofa.registry.core.model.ScopeEnum;
import com.fasterxml.jackson.databind.JsonNode;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** One unmodified DefaultRegistryClient with what the driver registered under a key of its choice. */
final class Client {
  private static final long UNREGISTER_WAIT_MS = 5_000;
  private static final Map<String, Object> NOTHING = Map.of("count", 0, "localZone", "", "zones", Map.of(), "sizes", List.of());

  private final DefaultRegistryClient client;
  private final Map<String, Publisher> publishers = new ConcurrentHashMap<>();
  private final Map<String, Subscriber> subscribers = new ConcurrentHashMap<>();
  private final Map<String, Configurator> configurators = new ConcurrentHashMap<>();
  private final Map<String, Map<String, Object>> received = new ConcurrentHashMap<>();
  private final Map<String, Config> configs = new ConcurrentHashMap<>();

  private static final class Config {
    int count;
    String content;
  }

  Client(JsonNode options) {
    DefaultRegistryClientConfigBuilder builder = DefaultRegistryClientConfigBuilder.start()
        .setRegistryEndpoint(options.get("host").asText())
        .setRegistryEndpointPort(options.get("port").asInt())
        .setAppName(options.path("app").asText("app"))
        .setRecheckInterval(options.path("recheckMs").asInt(100))
        .setSyncConfigRetryInterval(options.path("syncMs").asInt(1_000))
        // One thread: with more of them, two pushes close together may reach the observer in the wrong order.
        .setObserverThreadCoreSize(1)
        .setObserverThreadMaxSize(1);
    if (options.hasNonNull("zone")) builder.setZone(options.get("zone").asText());
    if (options.hasNonNull("dataCenter")) builder.setDataCenter(options.get("dataCenter").asText());
    if (options.hasNonNull("instanceId")) builder.setInstanceId(options.get("instanceId").asText());
    client = new DefaultRegistryClient(builder.build());
    client.init();
  }

  void publish(String key, String dataId, String group, String[] values) {
    PublisherRegistration registration = new PublisherRegistration(dataId);
    if (group != null) registration.setGroup(group);
    publishers.put(key, client.register(registration, values));
  }

  void republish(String key, String[] values) {
    held(publishers, key).republish(values);
  }

  void unpublish(String key) {
    held(publishers, key).unregister();
    publishers.remove(key);
  }

  void subscribe(String key, String dataId, String group, String scope) {
    received.put(key, NOTHING);
    SubscriberRegistration registration = new SubscriberRegistration(dataId, (id, data) -> keep(key, data));
    if (group != null) registration.setGroup(group);
    if (scope != null) registration.setScopeEnum(ScopeEnum.valueOf(scope));
    subscribers.put(key, client.register(registration));
  }

  private void keep(String key, UserData data) {
    Map<String, List<String>> zones = new TreeMap<>();
    data.getZoneData().forEach((zone, values) -> {
      List<String> sorted = new ArrayList<>(values);
      sorted.sort(null);
      zones.put(zone, sorted);
    });
    received.computeIfPresent(key, (same, before) -> {
      Map<String, Object> now = new HashMap<>();
      now.put("count", (int) before.get("count") + 1);
      now.put("localZone", data.getLocalZone());
      now.put("zones", zones);
      // What a later callback corrects was shown all the same: the size of every list is kept.
      List<Object> sizes = new ArrayList<>((List<?>) before.get("sizes"));
      sizes.add(zones.values().stream().mapToInt(List::size).sum());
      now.put("sizes", sizes);
      return now;
    });
  }

  Map<String, Object> received(String key) {
    return held(received, key);
  }

  void unsubscribe(String key) {
    // What was received stays readable: a test may want to see that nothing more arrives.
    held(subscribers, key).unregister();
    subscribers.remove(key);
  }

  void configurator(String key, String dataId, String group) {
    Config config = new Config();
    configs.put(key, config);
    ConfiguratorRegistration registration = new ConfiguratorRegistration(dataId, (id, data) -> keep(config, data));
    if (group != null) registration.setGroup(group);
    configurators.put(key, client.register(registration));
  }

  private static void keep(Config config, ConfigData data) {
    synchronized (config) {
      config.count += 1;
      config.content = data.getData();
    }
  }

  String config(String key) {
    Config config = held(configs, key);
    synchronized (config) {
      return config.content;
    }
  }

  int configCount(String key) {
    Config config = held(configs, key);
    synchronized (config) {
      return config.count;
    }
  }

  /** Whether the server has acknowledged the newest content of what has this key. */
  boolean registered(String key) {
    for (Map<String, ? extends Register> registers : List.of(publishers, subscribers, configurators)) {
      Register register = registers.get(key);
      if (register != null) return register.isRegistered();
    }
    throw new IllegalStateException("nothing is registered as " + key);
  }

  /** The session server the client is connected to, as ip:port, or null. */
  String server() throws ReflectiveOperationException {
    Connection connection = (Connection) field(connections(), "clientConnection");
    if (connection == null || !connection.isFine()) return null;
    return connection.getRemoteIP() + ":" + connection.getRemotePort();
  }

  /** Resets the TCP connection, as a lost machine or network would; the client finds out and connects anew by itself. */
  void cut() throws ReflectiveOperationException, InterruptedException {
    Connection connection = (Connection) field(connections(), "clientConnection");
    if (connection == null || !connection.isFine()) throw new IllegalStateException("the client is not connected");
    Channel channel = connection.getChannel();
    // A linger time of zero makes close() send a reset instead of an orderly end.
    channel.config().setOption(ChannelOption.SO_LINGER, 0);
    channel.close().sync();
  }

  /**
   * The client has no way to be closed, and its threads never end. So everything is unregistered as an application would;
   * then the connection is destroyed, and its list of servers is replaced by an empty one, for the worker would connect again at once.
   * The threads that fetch lists and settings get an interval that never elapses.
   */
  void stop() throws ReflectiveOperationException, InterruptedException {
    publishers.values().forEach(Register::unregister);
    subscribers.values().forEach(Register::unregister);
    configurators.values().forEach(Register::unregister);
    RegisterCache cache = client.getRegisterCache();
    long end = System.nanoTime() + UNREGISTER_WAIT_MS * 1_000_000;
    while (holdsAny(cache) && System.nanoTime() < end) Thread.sleep(10);
    ClientConnection connections = connections();
    Object manager = field(client, "serverManager");
    connections.setServerManager(new NoServers());
    connections.destroy();
    Object config = field(client, "registryClientConfig");
    for (String interval : List.of("syncConfigRetryInterval", "recheckInterval")) {
      accessible(config.getClass(), interval).setInt(config, Integer.MAX_VALUE);
    }
    ((Thread) field(manager, "syncServerListTask")).interrupt();
  }

  private static boolean holdsAny(RegisterCache cache) {
    return !cache.getAllPublishers().isEmpty() || !cache.getAllSubscribers().isEmpty() || !cache.getAllConfigurator().isEmpty();
  }

  private static final class NoServers implements ServerManager {
    @Override public List<ServerNode> getServerList() { return List.of(); }
    @Override public ServerNode random() { return null; }
  }

  private ClientConnection connections() throws ReflectiveOperationException {
    return (ClientConnection) field(client, "client");
  }

  private static Object field(Object object, String name) throws ReflectiveOperationException {
    return accessible(object.getClass(), name).get(object);
  }

  private static Field accessible(Class<?> type, String name) throws ReflectiveOperationException {
    Field field = type.getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  private static <T> T held(Map<String, T> map, String key) {
    T value = map.get(key);
    if (value == null) throw new IllegalStateException("nothing is held as " + key);
    return value;
  }
}
