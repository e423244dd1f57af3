package driver;

/** What a driver calls, and what ends it. */
record Consumer(Greeting greeting, Runnable close) {}
