package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.InstanceInfo.PortType;
import com.netflix.discovery.CacheRefreshedEvent;
import com.netflix.discovery.EurekaClient;
import com.netflix.discovery.shared.Application;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** One real client: what Netflix' API, which Spring Cloud keeps, says about it. */
class Client {
  private final EurekaClient eureka;
  private final ApplicationInfoManager manager;
  private final Runnable stop;
  private final AtomicInteger refreshes = new AtomicInteger();
  private volatile String watched;
  private volatile Integer least;

  Client(EurekaClient eureka, ApplicationInfoManager manager, Runnable stop) {
    this.eureka = eureka;
    this.manager = manager;
    this.stop = stop;
    eureka.registerEventListener(event -> {
      if (event instanceof CacheRefreshedEvent) refreshed();
    });
  }

  List<Object> instances(String app) {
    List<Object> described = new ArrayList<>();
    for (InstanceInfo instance : ofApplication(app)) described.add(describe(instance));
    return described;
  }

  List<Object> vip(String vip) {
    List<Object> described = new ArrayList<>();
    for (InstanceInfo instance : eureka.getInstancesByVipAddress(vip, false)) described.add(describe(instance));
    return described;
  }

  void changeMetadata(Map<String, String> metadata) {
    manager.registerAppMetadata(metadata);
  }

  void watch(String app) {
    least = null;
    watched = app;
  }

  Integer least() {
    return least;
  }

  int refreshes() {
    return refreshes.get();
  }

  /** Operations that only some libraries have. */
  Object more(String operation, JsonNode command) throws Exception {
    throw new IllegalArgumentException("unknown operation " + operation);
  }

  void stop() {
    stop.run();
  }

  private List<InstanceInfo> ofApplication(String app) {
    Application application = eureka.getApplication(app);
    return application == null ? List.of() : application.getInstancesAsIsFromEureka();
  }

  private void refreshed() {
    refreshes.incrementAndGet();
    if (watched == null) return;
    int count = ofApplication(watched).size();
    if (least == null || count < least) least = count;
  }

  private static Map<String, Object> describe(InstanceInfo instance) {
    boolean isSecure = instance.isPortEnabled(PortType.SECURE);
    Map<String, Object> described = new HashMap<>();
    described.put("instanceId", instance.getInstanceId());
    described.put("status", instance.getStatus().name());
    described.put("hostName", instance.getHostName());
    described.put("ipAddr", instance.getIPAddr());
    described.put("isSecure", isSecure);
    described.put("port", isSecure ? instance.getSecurePort() : instance.getPort());
    described.put("metadata", instance.getMetadata() == null ? Map.of() : instance.getMetadata());
    return described;
  }
}
