package driver;

import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;

/** A Eureka server by itself: settings come as arguments, and one line says when it serves. */
@SpringBootApplication
@EnableEurekaServer
public class Driver {
  public static void main(String[] arguments) {
    Map<String, Object> defaults = new HashMap<>();
    defaults.put("eureka.client.register-with-eureka", "false");
    defaults.put("eureka.client.fetch-registry", "false");
    defaults.put("eureka.instance.hostname", "localhost");
    defaults.put("spring.main.banner-mode", "off");
    defaults.put("logging.level.root", "WARN");
    SpringApplication application = new SpringApplication(Driver.class);
    application.setDefaultProperties(defaults);
    application.run(arguments);
    System.out.println("serving");
  }
}
