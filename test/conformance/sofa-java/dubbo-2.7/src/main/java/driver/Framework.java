package driver;

import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;

/** Dubbo 2.7. It does not close the connection of its registry client. */
final class Framework {
  static {
    System.setProperty("dubbo.application.logger", "slf4j");
    // Unexporting waits this many milliseconds for calls in progress; there are none.
    System.setProperty("dubbo.service.shutdown.wait", "500");
  }

  /** Returns what ends it. */
  static Runnable provide(String registry, int port) {
    ServiceConfig<Greeting> config = new ServiceConfig<>();
    config.setApplication(application());
    config.setInterface(Greeting.class);
    config.setRegistry(registryAt(registry));
    // Dubbo refuses to register a loopback address; it takes one of the machine's network, which is reachable from here as well.
    config.setProtocol(new ProtocolConfig("dubbo", port));
    // Without it a consumer of the same process would be served without the registry.
    config.setScope("remote");
    config.setRef(text -> text + " from " + port);
    config.export();
    return config::unexport;
  }

  static Consumer consume(String registry) {
    ReferenceConfig<Greeting> config = new ReferenceConfig<>();
    config.setApplication(application());
    config.setInterface(Greeting.class);
    config.setRegistry(registryAt(registry));
    config.setScope("remote");
    config.setCheck(false);
    config.setTimeout(3_000);
    config.setRetries(0);
    return new Consumer(config.get(), config::destroy);
  }

  private static ApplicationConfig application() {
    // One application per process is what Dubbo 2.7 holds, so both sides name the same one.
    ApplicationConfig application = new ApplicationConfig("greeting");
    application.setQosEnable(false);
    return application;
  }

  private static RegistryConfig registryAt(String address) {
    RegistryConfig registry = new RegistryConfig("sofa://" + address);
    registry.setUseAsConfigCenter(false);
    registry.setUseAsMetadataCenter(false);
    // No file of earlier providers in the home directory: what is called must come from the registry.
    registry.setParameters(Map.of("file.cache", "false"));
    return registry;
  }
}
