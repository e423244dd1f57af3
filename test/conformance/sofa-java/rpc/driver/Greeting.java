package driver;

/** The remote service of this driver. */
public interface Greeting {
  /** Answers with the text and who said it. */
  String greet(String text);
}
