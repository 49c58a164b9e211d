#!/usr/bin/env bash
# Kafka 4.4.0, JsonConverter without schemas reads the first JSON value of a message and never looks at
# what stands behind it: `1 garbage` is 1, `{"a":1}}}}` is an object, and of two JSON lines in one message
# the second is lost. No error reaches `errors.tolerance` or a dead letter queue.
. "$(dirname "$0")/kafka.sh"
said=$(java_says <<'JAVA'
        System.out.println(read("1 garbage") + ", " + read("{\"a\":1}}}}") + ", " + read("{\"n\":1}\n{\"n\":2}"));
JAVA
)
is "$said" "1, {a=1}, {n=1}"
