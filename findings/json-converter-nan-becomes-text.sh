#!/usr/bin/env bash
# Kafka 4.4.0, JsonConverter without schemas: a double that is NaN or infinite is written as a *string*,
# `"NaN"`, and so read as one: the field is a number in one record and text in the next, though nobody
# changed it. The bare `NaN` of other writers (Python's json) is refused, and 1e400 is read as Infinity.
. "$(dirname "$0")/kafka.sh"
said=$(java_says <<'JAVA'
        String text = write(Double.NaN), bare;
        try { bare = kind(read("NaN")); } catch (org.apache.kafka.connect.errors.DataException error) { bare = "refused"; }
        System.out.println(text + " -> " + kind(read(text)) + ", NaN -> " + bare + ", 1e400 -> " + kind(read("1e400")));
JAVA
)
is "$said" '"NaN" -> String NaN, NaN -> refused, 1e400 -> Double Infinity'
