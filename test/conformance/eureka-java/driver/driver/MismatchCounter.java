package driver;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Takes the log of the clients, counts their own reports of a hash mismatch in it, and hands it on. */
final class MismatchCounter extends ByteArrayOutputStream {
  private final PrintStream next;
  private int count;

  MismatchCounter(PrintStream next) {
    this.next = next;
  }

  synchronized int count() {
    return count;
  }

  @Override public synchronized void flush() {
    String text = toString(StandardCharsets.UTF_8);
    int end = text.lastIndexOf('\n') + 1;
    if (end == 0) return;
    for (String line : text.substring(0, end).split("\n")) {
      if (line.contains("The Reconcile hashcodes do not match")) count += 1;
      next.println(line);
    }
    reset();
    byte[] rest = text.substring(end).getBytes(StandardCharsets.UTF_8);
    write(rest, 0, rest.length);
  }
}
