import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.erdtman.jcs.JsonCanonicalizer;

/**
 * Prints each record that is newer than what was known of its alert. Java 17 or newer.
 *
 * <p>mvn package dependency:copy-dependencies
 * <p>java -cp 'target/classes:target/dependency/*' Subscriber TOPIC consumer.properties keys.json
 */
public final class Subscriber {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] ED25519 = HexFormat.of().parseHex("302a300506032b6570032100");

    /** The alert, if a published key signed what is said in it, before its end. */
    static JsonNode verified(ConsumerRecord<byte[], byte[]> record, Map<String, JsonNode> keys) throws Exception {
        JsonNode key = keys.get(text(record, "kid"));
        if (key == null || record.value() == null) {
            throw new GeneralSecurityException("signed by no published key");
        }
        byte[] raw = Base64.getUrlDecoder().decode(key.get("x").asText());
        byte[] encoded = new byte[ED25519.length + raw.length];
        System.arraycopy(ED25519, 0, encoded, 0, ED25519.length);
        System.arraycopy(raw, 0, encoded, ED25519.length, raw.length);
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
        byte[] canonical = new JsonCanonicalizer(record.value()).getEncodedUTF8(); // RFC 8785; what is read below is what was signed
        signature.update(canonical);
        if (!signature.verify(Base64.getDecoder().decode(text(record, "sig")))) {
            throw new GeneralSecurityException("not what was signed");
        }
        JsonNode envelope = JSON.readTree(canonical);
        if (!Instant.parse(envelope.get("time").asText()).isBefore(Instant.ofEpochSecond(key.get("exp").asLong()))) {
            throw new GeneralSecurityException("dated after its key had expired");
        }
        return envelope.get("data");
    }

    private static String text(ConsumerRecord<byte[], byte[]> record, String name) throws Exception {
        Header header = record.headers().lastHeader(name);
        if (header == null) {
            throw new GeneralSecurityException("no header " + name);
        }
        return new String(header.value(), "UTF-8");
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        try (FileReader reader = new FileReader(arguments[1])) {
            properties.load(reader);
        }
        Map<String, JsonNode> keys = new HashMap<>();
        for (JsonNode key : JSON.readTree(new File(arguments[2])).get("keys")) {
            keys.put(key.get("kid").asText(), key);
        }
        Map<String, Integer> newest = new HashMap<>(); // keep it in your database, with the alert
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, bytes, bytes)) {
            consumer.subscribe(List.of(arguments[0]));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    try {
                        tell(verified(record, keys), newest);
                    } catch (GeneralSecurityException | IOException | IllegalArgumentException error) {
                        System.err.println("refused: " + record.partition() + "/" + record.offset() + ": " + error.getMessage());
                    }
                }
                consumer.commitSync();
            }
        }
    }

    private static void tell(JsonNode alert, Map<String, Integer> newest) {
        String alertId = alert.get("content").get("alert_id").asText();
        int number = alert.get("record_number").asInt();
        if (number > newest.getOrDefault(alertId, 0)) {
            newest.put(alertId, number);
            String tense = alert.get("alert_tense").asText();
            System.out.println(String.join(" ", alertId, "" + number, alert.get("alert_type").asText(), tense, alert.get("content").get("cell").asText()));
        }
    }
}
