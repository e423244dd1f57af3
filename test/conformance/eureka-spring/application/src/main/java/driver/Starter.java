package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.discovery.EurekaClient;
import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.web.client.RestTemplate;

/** Starts an application as its author would, with short intervals. One that `serves` opens a web server on a free port. */
final class Starter {
  static Client start(JsonNode options) {
    boolean serves = options.path("serves").asBoolean();
    ConfigurableApplicationContext context = new SpringApplicationBuilder(GreetingApplication.class)
        .web(serves ? WebApplicationType.SERVLET : WebApplicationType.NONE)
        .bannerMode(Banner.Mode.OFF)
        .registerShutdownHook(false)
        .properties(properties(options, serves))
        .run();
    return new SpringClient(context);
  }

  private static Map<String, Object> properties(JsonNode options, boolean serves) {
    int securePort = options.get("securePort").asInt();
    Map<String, Object> properties = new HashMap<>();
    properties.put("spring.application.name", options.get("app").asText());
    properties.put("spring.jmx.enabled", false);
    properties.put("spring.cloud.loadbalancer.cache.ttl", "500ms");
    properties.put("server.port", 0);
    properties.put("eureka.client.service-url.defaultZone", options.get("url").asText() + "/");
    properties.put("eureka.client.registry-fetch-interval-seconds", Math.max(1, options.get("fetchMs").asInt() / 1000));
    properties.put("eureka.client.instance-info-replication-interval-seconds", 1);
    properties.put("eureka.client.initial-instance-info-replication-interval-seconds", 0);
    properties.put("eureka.client.cache-refresh-executor-exponential-back-off-bound", 1);
    properties.put("eureka.client.heartbeat-executor-exponential-back-off-bound", 1);
    if (options.has("onlyVip")) properties.put("eureka.client.registry-refresh-single-vip-address", options.get("onlyVip").asText());
    if (options.has("transport")) properties.put("eureka.client." + options.get("transport").asText() + ".enabled", true);
    properties.put("eureka.client.disable-delta", !options.get("delta").asBoolean());
    properties.put("eureka.client.filter-only-up-instances", serves);
    properties.put("eureka.instance.instance-id", options.get("instanceId").asText());
    properties.put("eureka.instance.hostname", options.get("hostName").asText());
    properties.put("eureka.instance.ip-address", options.get("ipAddr").asText());
    properties.put("eureka.instance.virtual-host-name", options.get("vip").asText());
    properties.put("eureka.instance.lease-renewal-interval-in-seconds", Math.max(1, options.get("heartbeatMs").asInt() / 1000));
    properties.put("eureka.instance.lease-expiration-duration-in-seconds", options.get("leaseSeconds").asInt());
    properties.put("eureka.instance.non-secure-port-enabled", securePort == 0);
    properties.put("eureka.instance.secure-port-enabled", securePort != 0);
    if (!serves) properties.put("eureka.instance.non-secure-port", options.get("port").asInt());
    if (securePort != 0) properties.put("eureka.instance.secure-port", securePort);
    Driver.texts(options.get("metadata")).forEach((name, value) -> properties.put("eureka.instance.metadata-map[" + name + "]", value));
    return properties;
  }

  private static final class SpringClient extends Client {
    private final ConfigurableApplicationContext context;

    SpringClient(ConfigurableApplicationContext context) {
      super(context.getBean(EurekaClient.class), context.getBean(ApplicationInfoManager.class), context::close);
      this.context = context;
    }

    @Override Object more(String operation, JsonNode command) throws Exception {
      if (!operation.equals("call")) return super.more(operation, command);
      return context.getBean(RestTemplate.class).getForObject("http://" + command.get("service").asText() + "/greeting", String.class);
    }
  }
}
