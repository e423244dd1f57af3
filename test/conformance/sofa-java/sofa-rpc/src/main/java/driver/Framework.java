package driver;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.RegistryConfig;
import com.alipay.sofa.rpc.config.ServerConfig;

/** SOFARPC, which keeps one registry client per process, that of the first registry named: provider and consumer share it. */
final class Framework {
  static {
    // The tracer would write files below the home directory.
    System.setProperty("default.tracer", "");
  }

  /** Returns what ends it. */
  static Runnable provide(String registry, int port) {
    // The virtual host is what gets registered; without it SOFARPC replaces a loopback address by one of the network.
    ServerConfig server = new ServerConfig().setProtocol("bolt").setPort(port).setDaemon(true).setHost("127.0.0.1")
        .setVirtualHost("127.0.0.1");
    ProviderConfig<Greeting> config = new ProviderConfig<>();
    config.setApplication(new ApplicationConfig().setAppName("greeting-provider"));
    config.setInterfaceId(Greeting.class.getName());
    config.setRegistry(registryAt(registry));
    config.setServer(server);
    config.setRef(text -> text + " from " + port);
    config.export();
    return () -> {
      config.unExport();
      server.destroy();
    };
  }

  static Consumer consume(String registry) {
    ConsumerConfig<Greeting> config = new ConsumerConfig<>();
    config.setApplication(new ApplicationConfig().setAppName("greeting-consumer"));
    config.setInterfaceId(Greeting.class.getName());
    config.setRegistry(registryAt(registry));
    config.setProtocol("bolt");
    config.setTimeout(3_000);
    // A provider in the same process must be found through the registry, too.
    config.setInJVM(false);
    return new Consumer(config.refer(), config::unRefer);
  }

  private static RegistryConfig registryAt(String address) {
    return new RegistryConfig().setProtocol("sofa").setAddress(address);
  }
}
