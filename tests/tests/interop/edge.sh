#!/usr/bin/env bash
# An edge by its shipped file, before a proxy with three origins, all on their own ports in a network of their own: both
# ffmpegs record from it by every protocol. Run by edge.rs in a folder that has ./srs-proxy, ./srs-edge, ./objs/srs, conf/
# and doc/. FFMPEG9 is the newer ffmpeg.
set -euo pipefail
ip link set lo up

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

registered() { [[ $(curl -s http://127.0.0.1:12025/api/v1/origins | grep -o '"alive":true' | wc -l) == 4 ]]; }

# records READER NAME URL: three seconds with most of their pictures.
records() {
    "$1" -v warning -nostdin -y -i "$3" -t 3 -c copy "$2.mkv" >"$2.log" 2>&1 || return 1
    (($(ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$2.mkv") >= 50))
}

env PROXY_RTMP_SERVER=1935 PROXY_HTTP_SERVER=8080 PROXY_HTTP_API=1985 PROXY_SYSTEM_API=12025 PROXY_LOAD_BALANCER_TYPE=memory ./srs-proxy >proxy.log 2>&1 &
for n in 1 2 3; do ./objs/srs -c conf/origin$n-for-proxy.conf >origin$n.log 2>&1 & done
./srs-edge -c conf/edge.conf >edge.log 2>&1 &
await "three origins and an edge registered" registered
ffmpeg -re -stream_loop -1 -i doc/source.flv -c copy -f flv rtmp://localhost/live/livestream >publisher.log 2>&1 &
number=0
for reader in ffmpeg "$FFMPEG9"; do
    for url in rtmp://127.0.0.1:19361/live/livestream http://127.0.0.1:8091/live/livestream.{flv,ts,m3u8}; do
        number=$((number + 1))
        await "$(basename "$reader") $url" records "$reader" "record$number" "$url"
    done
done
# And through the proxy, which sends viewers to the edge.
await "the proxy" records ffmpeg proxied rtmp://localhost/live/livestream
[[ $(curl -s http://127.0.0.1:19861/api/v1/summaries) == *'"code":0'* ]] && echo "seen: its API"
