# Sourced by the findings about Kafka's own converters: fetches Kafka 4.4.0's by Maven into a temporary
# folder, and runs the Java of its standard input with `read` and `write` of a JsonConverter.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-json</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
(cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib > /dev/null)
java_says() {
    {
        cat <<'JAVA'
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.connect.json.JsonConverter;
public class Finding {
    static final JsonConverter converter = new JsonConverter();
    static Object read(String text) { return converter.toConnectData("t", text.getBytes(StandardCharsets.UTF_8)).value(); }
    static String write(Object value) { return new String(converter.fromConnectData("t", null, value), StandardCharsets.UTF_8); }
    static String kind(Object value) { return value.getClass().getSimpleName() + " " + value; }
    public static void main(String[] arguments) {
        converter.configure(Map.of("schemas.enable", "false"), false);
JAVA
        cat
        echo '    }'
        echo '}'
    } > "$work/Finding.java"
    java -cp "$work/lib/*" "$work/Finding.java"
}
is() { [ "$1" = "$2" ] || { echo "changed: expected «$2», found «$1»" >&2; exit 1; }; echo "as told: $1"; }
