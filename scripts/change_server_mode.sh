#!/bin/sh
# Makes an origin a member of a cluster, or a server of its own again, by editing its configuration.
#
#   scripts/change_server_mode.sh [-c FILE] cluster HOST[,HOST...] [USER PASS]
#   scripts/change_server_mode.sh [-c FILE] standalone
#
# cluster: the origin registers at the proxy HOST every second. HOST is a name or an address, with the port of the proxy's
# system API where that is not 12025, or an http:// URL; several proxies are parted by commas. PASS is the proxy's bearer
# token (PROXY_HTTP_API_AUTH_TOKEN); USER is there for those who are used to it, and goes unused.
# standalone: the origin registers nowhere, and what cluster changed is as it was before.
# FILE is conf/origin.conf unless given. Its comments and its layout stay; the origin must be started anew afterwards.
set -eu

LC_ALL=C
export LC_ALL
# What is written aside may hold a token.
umask 077

say() { printf '%s\n' "$*"; }

die() {
    say "change_server_mode.sh: $*" >&2
    exit 1
}

usage() {
    say "change_server_mode.sh: $1" >&2
    sed -n '/^#   scripts/s/^# *scripts/usage: scripts/p' "$0" >&2
    exit 2
}

# registration HOST: the URL at which an origin registers there.
registration() {
    rest=$1
    case $rest in
        http://*) rest=${rest#http://} ;;
        https://*) die "$1: an origin registers over http alone" ;;
        mongodb://* | mongodb+srv://* | redis://* | rediss://*)
            die "$1: no database is needed here: HOST is the proxy at which the origin registers"
            ;;
        *://*) die "$1: expected HOST, HOST:PORT or an http:// URL" ;;
    esac
    place=${rest%%/*} path=''
    case $rest in */*) path=/${rest#*/} ;; esac
    case $1 in http://*) ;; *) [ -z "$path" ] || die "$1: a path needs http:// before it" ;; esac
    case $path in *[!!-~]* | *[\"\'\;{}#]*) die "$1: the path has letters that a URL cannot have" ;; esac
    # An address of IPv6 may stand without brackets where no port is behind it.
    case $place in
        \[*) ;;
        *::* | *:*:*:*:*:*:*:*) place="[$place]" ;;
    esac
    port=''
    case $place in
        \[*\]) host=$place ;;
        \[*\]:*) host=${place%:*} port=${place##*:} ;;
        \[*) die "$1: expected ] behind the address" ;;
        *:*:*) die "$1: expected one colon, or an address of IPv6 in brackets" ;;
        *:*) host=${place%:*} port=${place##*:} ;;
        *) host=$place ;;
    esac
    case $place in *:) die "$1: expected a port behind the colon" ;; esac
    case $host in
        \[*\])
            address=${host#?} address=${address%?}
            case $address in *:*) ;; *) die "$1: expected an address of IPv6 in the brackets" ;; esac
            case $address in *[!0-9A-Fa-f:.]*) die "$1: expected an address of IPv6 in the brackets" ;; esac
            ;;
        '' | *[!A-Za-z0-9._-]* | -* | .*) die "'$1': expected the name or address of a proxy" ;;
    esac
    case $port in
        '') ;;
        *[!0-9]* | 0* | ??????*) die "$1: expected a port from 1 to 65535" ;;
        *) [ "$port" -le 65535 ] || die "$1: expected a port from 1 to 65535" ;;
    esac
    case $path in
        '' | /) say "http://$host:${port:-12025}/api/v1/srs/register" ;;
        *) say "http://$host${port:+:$port}$path" ;;
    esac
}

# registrations HOSTS: the same of all that commas part, with blanks between them.
registrations() {
    left=$1, urls=''
    while [ "$left" ]; do
        url=$(registration "${left%%,*}") || exit 1
        urls=${urls:+$urls }$url
        left=${left#*,}
    done
    say "$urls"
}

# quoted WORD: as the configuration has it, which knows no escapes.
quoted() {
    case $1 in
        '') die "the token is empty" ;;
        *[!!-~]*) die "the token has letters that a header cannot have" ;;
        *[!A-Za-z0-9._~+/=-]*) ;;
        *) say "$1" && return ;;
    esac
    case $1 in
        *\"*\'* | *\'*\"*) die "the token has both kinds of quotes, which the configuration cannot hold" ;;
        *\"*) say "'$1'" ;;
        *) say "\"$1\"" ;;
    esac
}

file=conf/origin.conf mode='' hosts='' pass='' given=0
while [ $# -gt 0 ]; do
    case $given/$1 in
        # Behind HOST, words may begin as they like.
        [01]/-h | [01]/--help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0" && exit ;;
        */-c)
            [ $# -ge 2 ] || usage "-c needs a file"
            file=$2
            shift
            ;;
        [01]/-*) usage "no option $1" ;;
        *)
            given=$((given + 1))
            case $given in
                1) mode=$1 ;;
                2) hosts=$1 ;;
                4) pass=$1 ;;
            esac
            ;;
    esac
    shift
done

urls='' token=''
case $mode/$given in
    cluster/2) urls=$(registrations "$hosts") || exit 1 ;;
    cluster/4)
        urls=$(registrations "$hosts") || exit 1
        token=$(quoted "$pass") || exit 1
        ;;
    cluster/1) usage "cluster needs HOST, the proxy at which the origin registers" ;;
    cluster/3) usage "USER needs PASS behind it" ;;
    cluster/*) usage "too many arguments" ;;
    standalone/1) ;;
    standalone/*) usage "standalone takes no further arguments" ;;
    /0) usage "expected cluster or standalone" ;;
    *) usage "expected cluster or standalone, found $mode" ;;
esac

[ -e "$file" ] || die "$file: no such file"
[ -f "$file" ] || die "$file: not a file"
[ -r "$file" ] || die "$file: cannot be read"
# A link stays one: what it leads to is replaced.
real=$(readlink -f "$file") || die "$file: leads nowhere"
tr -d '\000' <"$real" | cmp -s - "$real" || die "$file: not a text file"
command -v awk >/dev/null || die "awk is missing"

aside=''
trap '[ -z "$aside" ] || rm -f "$aside" "$aside.new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
aside=$(mktemp "$real.XXXXXX" 2>/dev/null) || die "$file: its folder cannot be written to"
# Whoever could read and write the file can do so afterwards.
cp -p "$real" "$aside" || die "$file: cannot be copied"

# The new text goes to $aside.new; what is printed is the file of the process's id. awk does not tell whether the last
# line has an end, so one letter is put behind it.
pid=$(
    MODE=$mode URLS=$urls TOKEN=$token NAME=$file OUT=$aside.new \
        awk -f "$(dirname "$(readlink -f "$0")")/change_server_mode.awk" <<TEXT
$(cat "$real" && printf .)
TEXT
) || exit 1

is_far=''
for url in $urls; do
    case $url in http://127.* | http://localhost* | http://\[::1\]*) ;; *) is_far=1 ;; esac
done

if cmp -s "$aside.new" "$real"; then
    say "$file: $mode already; nothing is changed"
else
    cat "$aside.new" >"$aside" || die "$file: the disk is full"
    mv -f "$aside" "$real" || die "$file: cannot be replaced"
    if [ "$mode" = cluster ]; then
        say "$file: cluster: registers every second at $urls${token:+, with the token}"
    else
        say "$file: standalone: registers nowhere"
    fi
fi
if [ "$token" ] && [ "$(find "$real" -perm -004)" ]; then
    say "Every user of this machine can read the token there: chmod o= $file"
fi
if [ "$is_far" ]; then
    say "The proxy must let this machine register: PROXY_SYSTEM_API_ALLOW=<its address>, or a token (PROXY_HTTP_API_AUTH_*)."
fi
say "Next, end the origin (kill -TERM \$(cat ${pid:-./objs/srs.pid})) and start it anew: ./srs-origin -c $file"
