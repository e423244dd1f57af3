package driver;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.EurekaClientConfig;
import com.netflix.discovery.shared.transport.jersey3.Jersey3TransportClientFactories;

/** Clients of the 2.x line take Jersey 3 from a package of its own. */
final class Transport {
  static DiscoveryClient connect(ApplicationInfoManager manager, EurekaClientConfig config) {
    return new DiscoveryClient(manager, config, new Jersey3TransportClientFactories());
  }
}
