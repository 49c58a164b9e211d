#!/usr/bin/env bash
# Kafka 4.4.0, JsonConverter without schemas: a whole number beyond 64 bits is read without an error and
# without a word as another number, its low 64 bits: 12345678901234567890 comes as
# -6101065172474983726, and 18446744073709551616 as 0. (Jackson itself gives a BigInteger; the converter
# takes `longValue()` of it.) So ids of unsigned 64 bits change on their way into a sink.
. "$(dirname "$0")/kafka.sh"
said=$(java_says <<'JAVA'
        System.out.println(kind(read("12345678901234567890")) + ", " + kind(read("18446744073709551616")));
JAVA
)
is "$said" "Long -6101065172474983726, Long 0"
