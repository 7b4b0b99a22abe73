import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * Validates tokens in a broker of the tests as Amazon MSK and Google's managed Kafka document them. For AWS it computes the signature
 * again, from a secret key. For Google it compares the access token with one that it knows. Both are in system properties.
 */
public class CloudTokenValidator implements AuthenticateCallbackHandler {
  private static final DateTimeFormatter AMZ_DATE =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  private record Token(String value, long lifetimeMs, String principalName) implements OAuthBearerToken {
    @Override
    public Set<String> scope() {
      return Set.of();
    }

    @Override
    public Long startTimeMs() {
      return null;
    }
  }

  @Override
  public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {}

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (!(callback instanceof OAuthBearerValidatorCallback validator)) {
        throw new UnsupportedCallbackException(callback);
      }
      try {
        String value = validator.tokenValue();
        validator.token(value.contains(".") ? google(value) : aws(value));
      } catch (Exception error) {
        validator.error("invalid_token", null, null);
      }
    }
  }

  @Override
  public void close() {}

  private static Token aws(String value) throws Exception {
    String address = new String(Base64.getUrlDecoder().decode(value), StandardCharsets.UTF_8);
    String prefix = "https://kafka.eu-central-1.amazonaws.com/?";
    check(address.startsWith(prefix), "host");
    Map<String, String> query = new TreeMap<>();
    for (String pair : address.substring(prefix.length()).split("&")) {
      String[] parts = pair.split("=", 2);
      query.put(decoded(parts[0]), decoded(parts[1]));
    }
    check(query.get("Action").equals("kafka-cluster:Connect"), "action");
    Instant end = Instant.from(AMZ_DATE.parse(query.get("X-Amz-Date"))).plusSeconds(
        Integer.parseInt(query.get("X-Amz-Expires")));
    check(end.isAfter(Instant.now()), "expired");
    // The packages of AWS add it after the signature.
    query.remove("User-Agent");
    String signature = query.remove("X-Amz-Signature");
    String[] credential = query.get("X-Amz-Credential").split("/");
    String scope = String.join("/", List.of(credential).subList(1, 5));
    String canonicalQuery = query.entrySet().stream()
        .map(entry -> encoded(entry.getKey()) + "=" + encoded(entry.getValue()))
        .collect(Collectors.joining("&"));
    String request = String.join(
        "\n", "GET", "/", canonicalQuery, "host:kafka.eu-central-1.amazonaws.com", "", "host", hash(""));
    String toSign = String.join("\n", "AWS4-HMAC-SHA256", query.get("X-Amz-Date"), scope, hash(request));
    byte[] key = ("AWS4" + System.getProperty("test.aws.secret")).getBytes(StandardCharsets.UTF_8);
    for (String part : scope.split("/")) key = hmac(key, part);
    check(HexFormat.of().formatHex(hmac(key, toSign)).equals(signature), "signature");
    return new Token(value, end.toEpochMilli(), credential[0]);
  }

  private static Token google(String value) {
    String[] parts = value.split("\\.");
    check(parts.length == 3, "parts");
    check(text(parts[0]).equals("{\"typ\":\"JWT\",\"alg\":\"GOOG_OAUTH2_TOKEN\"}"), "header");
    check(text(parts[2]).equals(System.getProperty("test.google.token")), "access token");
    String claims = text(parts[1]);
    long end = Long.parseLong(claims.replaceAll(".*\"exp\":(\\d+).*", "$1")) * 1000;
    check(end > System.currentTimeMillis(), "expired");
    return new Token(value, end, claims.replaceAll(".*\"sub\":\"([^\"]+)\".*", "$1"));
  }

  private static void check(boolean holds, String what) {
    if (!holds) throw new IllegalArgumentException(what);
  }

  private static String text(String part) {
    return new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  /** RFC 3986: only unreserved characters stay. */
  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8)
        .replace("+", "%20").replace("*", "%2A").replace("%7E", "~");
  }

  private static String hash(String text) throws Exception {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static byte[] hmac(byte[] key, String text) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }
}
