// A shop that reports by io.sentry 1 (Java): a chained error, a message, then a crash. SENTRY_DSN says where to.
package shop;

import io.sentry.Sentry;
import io.sentry.SentryClient;
import io.sentry.event.BreadcrumbBuilder;
import io.sentry.event.Event;
import io.sentry.event.EventBuilder;
import io.sentry.event.UserBuilder;
import java.util.Map;
import java.util.NoSuchElementException;

final class Shop {
  private static final Map<String, Integer> PRICES = Map.of("apple", 120);

  static int price(String sku) {
    if (!PRICES.containsKey(sku)) {
      throw new NoSuchElementException("no price for " + sku);
    }
    return PRICES.get(sku);
  }

  static void checkout(String sku) {
    try {
      price(sku);
    } catch (NoSuchElementException error) {
      throw new IllegalStateException("cannot price the cart", error);
    }
  }

  public static void main(String[] arguments) {
    SentryClient client = Sentry.init();
    client.setRelease("shop@1.2.0");
    client.setEnvironment("production");
    client.setServerName("web-1");
    Sentry.getContext().setUser(new UserBuilder().setId("user-7").setEmail("ada@example.org").build());
    Sentry.getContext().addTag("plan", "gold");
    Sentry.getContext().recordBreadcrumb(new BreadcrumbBuilder().setCategory("cart").setMessage("added a pear").build());
    try {
      checkout("pear");
    } catch (IllegalStateException error) {
      Sentry.capture(error);
    }
    Sentry.capture(new EventBuilder().withMessage("stock of apples is low").withLevel(Event.Level.WARNING));
    checkout("plum");
  }
}
