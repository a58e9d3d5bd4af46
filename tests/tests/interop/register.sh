#!/usr/bin/env bash
# An origin on another machine registers: a second network namespace with a cable to this one. Prints "seen: ..." for each
# thing that is as it should be. Runs as root of a namespace of its own.
set -euo pipefail

fail() { echo "NOT SEEN: $1" >&2; exit 1; }

ip link set lo up
unshare --net sleep 600 &
other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add here type veth peer name there
ip link set there netns "$other"
ip addr add 10.9.0.1/24 dev here
ip link set here up
far() { nsenter --net="/proc/$other/ns/net" "$@"; }
far ip link set lo up
far ip addr add 10.9.0.2/24 dev there
far ip link set there up

body='{"device_id":"far","ip":"10.9.0.2","server":"far","service":"s","pid":"1","rtmp":["1935"]}'
post() { far curl -s -m 5 -w ' %{http_code}' -d "$body" "$@" http://10.9.0.1:12025/api/v1/srs/register; }
count() { curl -s -m 5 http://127.0.0.1:12025/api/v1/origins | grep -c '"id":"far"' || true; }

proxy() {
    env PROXY_RTMP_SERVER=1935 PROXY_SYSTEM_API=12025 PROXY_CLUSTER_SECRET=the-secret-of-the-tests "$@" ./srs-proxy > proxy.log 2>&1 &
    pid=$!
    for _ in $(seq 100); do
        if curl -s -m 1 -o /dev/null http://127.0.0.1:12025/api/v1/versions; then return; fi
        sleep 0.1
    done
    cat proxy.log
    fail "a proxy"
}
stop() { kill -9 "$pid"; wait "$pid" 2> /dev/null || true; }

proxy A=
answer=$(post)
grep -q ' 40[13]$' <<< "$answer" || fail "a refusal: $answer"
grep -q 'PROXY_SYSTEM_API_ALLOW=10.9.0.2' <<< "$answer" || fail "the line to add, in the answer: $answer"
grep -q 'PROXY_SYSTEM_API_ALLOW=10.9.0.2' proxy.log || fail "the line to add, in the log: $(cat proxy.log)"
[ "$(count)" = 0 ] || fail "nobody registered"
echo "seen: refused with the line to add"
far curl -s -m 5 http://10.9.0.1:12025/api/v1/versions | grep -q '"code":0' || fail "versions are open"
far curl -s -m 5 -o /dev/null -w '%{http_code}' http://10.9.0.1:12025/api/v1/origins | grep -q '^40[13]$' || fail "the list is closed"
echo "seen: versions are open and the list is not"
stop

proxy PROXY_HTTP_API_AUTH_ENABLED=on PROXY_HTTP_API_AUTH_TOKEN=a-token
post -H 'Authorization: Bearer wrong' | grep -q ' 401$' || fail "a wrong token is refused"
post -H 'Authorization: Bearer a-token' | grep -q ' 200$' || fail "the token is taken"
curl -s -m 5 -H 'Authorization: Bearer a-token' http://127.0.0.1:12025/api/v1/origins | grep -q '"id":"far"' || fail "it is listed"
echo "seen: with the token"
stop

proxy PROXY_SYSTEM_API_ALLOW=10.9.0.0/24
post | grep -q ' 200$' || fail "an address of the list is taken"
[ "$(count)" = 1 ] || fail "it is listed"
echo "seen: with the allow-list"
answer=$(body='{"ip":"127.0.0.1","server":"evil","service":"s","pid":"1","rtmp":["1935"]}'; post)
grep -q ' 400$' <<< "$answer" || fail "an address of our own is not taken from there: $answer"
echo "seen: not with an address of another's loopback"
stop
kill "$other"
