package driver;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.EurekaClientConfig;

/** Clients of the 1.x line bring Jersey 1. */
final class Transport {
  static DiscoveryClient connect(ApplicationInfoManager manager, EurekaClientConfig config) {
    return new DiscoveryClient(manager, config);
  }
}
