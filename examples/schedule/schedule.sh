#!/bin/sh
# A device reserved, taken over by something more urgent, and overridden, with nothing but mosquitto_pub and mosquitto_sub.
# Start `npm start` first. Usage: schedule.sh [port] [device] [point]; REST: seconds to wait for answers, instead of up to 1.5
port=${1:-1883}
device=${2:-campus/garage/station-1}
point=${3:-allowedLoad_1}

rest() { sleep "${REST:-$1}"; }
say() { printf '\n$ %s\n' "$1"; rest 0.2; }
time_in() { date -u -d "+$1 minutes" +%Y-%m-%dT%H:%M:%SZ; }
# request <requester> <task> <priority> <from, minutes> <to>
request() {
  say "$1 requests $device from minute $4 to $5 as $3 ($2)"
  mosquitto_pub -p "$port" -q 1 -t devices/actuators/schedule/request -m "{
    \"headers\": {\"type\": \"NEW_SCHEDULE\", \"requesterID\": \"$1\", \"taskID\": \"$2\", \"priority\": \"$3\"},
    \"message\": [[\"$device\", \"$(time_in "$4")\", \"$(time_in "$5")\"]]}"
  rest 0.5
}
# set_point <requester> <value>
set_point() {
  say "$1 sets $point to $2"
  mosquitto_pub -p "$port" -q 1 -t "devices/actuators/set/$device/$point" -m "{\"value\": $2, \"requester\": \"$1\"}"
  rest 1.5
}
# call <verb> <params>
call() {
  say "rpc $1 $2"
  mosquitto_pub -p "$port" -q 1 -t "voltbridge/voltbridge/rpc/$1" -m "{\"jsonrpc\": \"2.0\", \"id\": 1, \"requester\": \"operator\", \"params\": $2}"
  rest 1.5
}

mosquitto_sub -p "$port" -v -t devices/actuators/schedule/result -t 'devices/actuators/schedule/announce/#' \
  -t 'devices/actuators/value/#' -t 'devices/actuators/error/#' -t 'devices/actuators/write/#' \
  -t 'voltbridge/voltbridge/rpc/+/response' &
ear=$!
trap 'kill $ear' EXIT
rest 0.5

request ems soft LOW_PREEMPT 0 30
set_point ems 3
set_point other 5
request dr must HIGH 0 10
set_point dr 2
call set_override_on "[\"$device\"]"
set_point ems 4
call clear_overrides '[]'
call request_cancel_schedule '["dr", "must"]'
