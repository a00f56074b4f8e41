#!/bin/sh
# A historian for any MQTT broker, without a bridge: it is started, something else publishes, and the values are asked for.
#
# Usage: historian-anywhere.sh [broker host [port [folder]]]
# Needs a broker (sudo apt install mosquitto) and mosquitto_pub (mosquitto-clients). The folder keeps config and history.
set -eu

host=${1:-127.0.0.1}
port=${2:-1883}
folder=${3:-$(mktemp -d)}
voltbridge=$(dirname "$0")/../../bin/voltbridge

mkdir -p "$folder"
cat > "$folder/bridge.json" << END
{
  "instance": "anywhere",
  "data": "data",
  "mqtt": { "url": "mqtt://$host:$port" },
  "historian": {
    "topic_replace_list": [{ "from": "acme", "to": "campus" }],
    // Everything below meters/, by the rules of device topics.
    "custom_topics": { "capture_device_data": ["meters"] }
  }
}
END

publish() {
  mosquitto_pub -h "$host" -p "$port" -q 1 -t "$1" -m "$2"
}
history() {
  "$voltbridge" history "$@" --config "$folder/bridge.json"
}

log="$folder/historian.log"
: > "$log"
"$voltbridge" historian --config "$folder/bridge.json" 2> "$log" &
historian=$!
trap 'kill "$historian" 2> /dev/null; wait "$historian" || true' EXIT
until grep -q 'taking messages' "$log"; do
  kill -0 "$historian" || { cat "$log"; exit 1; }
  sleep 0.1
done

# What a VOLTTRON driver, a data logger, an application and a meter of somebody else would send.
time=2026-11-21T08:00:00.000000+00:00
publish devices/acme/roof/ahu-1/all "[{\"temperature\": 21.5}, {\"temperature\": {\"units\": \"degC\", \"type\": \"float\", \"tz\": \"UTC\"}}, {\"TimeStamp\": \"$time\"}]"
publish datalogger/pump "{\"hours\": {\"Readings\": [\"$time\", 1204], \"Units\": \"h\", \"data_type\": \"integer\"}}"
publish analysis/acme/score "[{\"comfort\": 0.93}, {}, {\"TimeStamp\": \"$time\"}]"
publish meters/grid/all '{"power": 42.1}'

# Values may wait a second for others, so that they share a transaction.
until [ "$(history topics 2> /dev/null | grep -cE 'temperature|hours|comfort|power')" = 4 ]; do sleep 0.2; done
history topics
history query campus/roof/ahu-1/temperature
