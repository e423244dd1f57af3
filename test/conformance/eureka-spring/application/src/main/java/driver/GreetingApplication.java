package driver;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;

/** Greets with its own id, and calls others by their service id, as the documentation of Spring Cloud shows it. */
@SpringBootConfiguration
@EnableAutoConfiguration
@RestController
public class GreetingApplication {
  @Value("${eureka.instance.instance-id}")
  private String instanceId;

  @GetMapping("/greeting")
  public String greeting() {
    return instanceId;
  }

  @Bean
  @LoadBalanced
  public RestTemplate restTemplate() {
    return new RestTemplate();
  }
}
