package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Starts Netflix' client as an application without Spring does, with short intervals. */
final class Starter {
  static Client start(JsonNode options) {
    InstanceConfig instance = new InstanceConfig(options);
    ApplicationInfoManager manager = new ApplicationInfoManager(instance, new EurekaConfigBasedInstanceInfoProvider(instance).get());
    DiscoveryClient discovery = Transport.connect(manager, new ClientConfig(options));
    return new Client(discovery, manager, discovery::shutdown);
  }

  private static final class InstanceConfig extends MyDataCenterInstanceConfig {
    private final JsonNode options;

    InstanceConfig(JsonNode options) {
      this.options = options;
    }

    private int number(String name) {
      return options.get(name).asInt();
    }

    private String text(String name) {
      return options.get(name).asText();
    }

    @Override public String getInstanceId() { return text("instanceId"); }
    @Override public String getAppname() { return text("app"); }
    @Override public String getVirtualHostName() { return text("vip"); }
    @Override public String getHostName(boolean refresh) { return text("hostName"); }
    @Override public String getIpAddress() { return text("ipAddr"); }
    @Override public int getNonSecurePort() { return number("port"); }
    @Override public boolean isNonSecurePortEnabled() { return number("securePort") == 0; }
    @Override public int getSecurePort() { return number("securePort") == 0 ? 443 : number("securePort"); }
    @Override public boolean getSecurePortEnabled() { return number("securePort") != 0; }
    @Override public int getLeaseRenewalIntervalInSeconds() { return Math.max(1, number("heartbeatMs") / 1000); }
    @Override public int getLeaseExpirationDurationInSeconds() { return number("leaseSeconds"); }
    @Override public boolean isInstanceEnabledOnit() { return true; }
    @Override public Map<String, String> getMetadataMap() { return Driver.texts(options.get("metadata")); }
  }

  private static final class ClientConfig extends DefaultEurekaClientConfig {
    private final JsonNode options;

    ClientConfig(JsonNode options) {
      this.options = options;
    }

    @Override public List<String> getEurekaServerServiceUrls(String zone) {
      return Arrays.stream(options.get("url").asText().split(",")).map(url -> url + "/").toList();
    }

    @Override public int getRegistryFetchIntervalSeconds() { return Math.max(1, options.get("fetchMs").asInt() / 1000); }
    @Override public int getInitialInstanceInfoReplicationIntervalSeconds() { return 0; }
    @Override public int getInstanceInfoReplicationIntervalSeconds() { return 1; }
    @Override public String getClientDataAccept() { return options.path("compact").asBoolean() ? "compact" : "full"; }
    @Override public String getRegistryRefreshSingleVipAddress() { return options.path("onlyVip").asText(null); }
    @Override public boolean shouldDisableDelta() { return !options.get("delta").asBoolean(); }
    @Override public boolean shouldFilterOnlyUpInstances() { return false; }
    @Override public int getCacheRefreshExecutorExponentialBackOffBound() { return 1; }
    @Override public int getHeartbeatExecutorExponentialBackOffBound() { return 1; }
  }
}
