#!/usr/bin/env bash
# The first commands of every user, word for word and on their own ports, in a network of their own where all ports are
# free. Run by seed.rs in a folder that has ./srs-proxy, ./objs/srs, conf/ and doc/. The clip is short and a busy
# machine slow: what publishes it begins again.
set -euo pipefail
ip link set lo up
export SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy

await() { # WHAT COMMAND...
    local what=$1 tries
    shift
    for ((tries = 0; tries < 300; tries++)); do
        if "$@"; then echo "seen: $what" && return; fi
        sleep 0.1
    done
    echo "not seen: $what"
    tail -n 20 ./*.log
    exit 1
}

registered() { [[ $(curl -s http://127.0.0.1:12025/api/v1/origins | grep -o '"alive":true' | wc -l) == 3 ]]; }

# ffplay has a picture, and its clocks run.
shown() { grep -qa 'Video: h264' "$1.log" && grep -qaE '[1-9][0-9]*\.[0-9]+ A-V:' "$1.log"; }

watch() { # NAME URL
    ffplay "$2" >"$1.log" 2>&1 &
    await "ffplay $2" shown "$1"
    kill -KILL $!
    wait $! 2>/dev/null || true
}

env PROXY_RTMP_SERVER=1935 PROXY_HTTP_SERVER=8080 PROXY_HTTP_API=1985 PROXY_SYSTEM_API=12025 PROXY_LOAD_BALANCER_TYPE=memory ./srs-proxy >proxy1.log 2>&1 &
proxy=$!
./objs/srs -c conf/origin1-for-proxy.conf >origin1.log 2>&1 &
./objs/srs -c conf/origin2-for-proxy.conf >origin2.log 2>&1 &
./objs/srs -c conf/origin3-for-proxy.conf >origin3.log 2>&1 &
await "three origins registered" registered
while true; do
    ffmpeg -re -i doc/source.flv -c copy -f flv rtmp://localhost/live/livestream
done >>ffmpeg1.log 2>&1 &
watch rtmp1 rtmp://localhost/live/livestream
watch flv1 http://localhost:8080/live/livestream.flv

kill -KILL $proxy
# Its ports are free when it is gone.
wait $proxy 2>/dev/null || true
PROXY_RTMP_SERVER=1935 ./srs-proxy >proxy2.log 2>&1 &
await "three origins registered at a proxy with nothing else set" registered
while true; do
    ffmpeg -re -i doc/source.flv -c copy -f flv rtmp://localhost/live/livestream
done >>ffmpeg2.log 2>&1 &
watch rtmp2 rtmp://localhost/live/livestream
watch flv2 http://localhost:18080/live/livestream.flv
