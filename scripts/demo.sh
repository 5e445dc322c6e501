#!/usr/bin/env bash
# The main job, for real, in a lab of network namespaces: users → production (nginx, and a gRPC
# server), mirrored by grayxdp to two canaries of each, one good, one bad: HTTP/1 as HTTP/1, gRPC over
# HTTP/2. Prints what was found; every figure is computed in the run. Leaves captures, trials, reports
# and logs in build/demo/. Exits with 0 when the good canaries passed, the bad ones failed for the
# planted reasons, and no planted secret got through.
set -euo pipefail

bin=$(realpath "${1:-build/release}")/grayxdp
shop=$(realpath "${1:-build/release}")/grpclab
out=$(realpath -m build/demo)
[ "$(id -u)" -eq 0 ] || { echo "demo: needs root for network namespaces: sudo make demo" >&2; exit 1; }
for needed in "$bin" "$shop"; do
  [ -x "$needed" ] || { echo "demo: no $needed: run make first" >&2; exit 1; }
done

tag=gxdemo$$
user=$tag-user prod=$tag-prod good=$tag-good bad=$tag-bad
started=()

cleanup() {
  trap - EXIT INT TERM
  local pid ns
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for ns in "$user" "$prod" "$good" "$bad"; do
    ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$ns" 2>/dev/null || true
  done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

in_ns() { nsenter --net="/run/netns/$1" "${@:2}"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

link() { # link NS_A DEV_A ADDR_A NS_B DEV_B ADDR_B
  ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
  ip -n "$1" addr add "$3" dev "$2"
  ip -n "$4" addr add "$6" dev "$5"
  ip -n "$1" link set "$2" up
  ip -n "$4" link set "$5" up
}

# What users send and no canary may see.
token=sk-live-9f8a7b6c5d4e3f2a1b0c
session=s3ss10n-4c1d9b7e6a5f
phone=13812345678
id_card=11010519491231002X
card=4111111111111111
secrets=("$token" "$session" "$phone" "$id_card" "$card")

# The bad canary: another price, a broken stock, a slow search.
nginx_conf() { # nginx_conf DIR ADDRESS PRICE STOCK_STATUS SEARCH_DELAY
  mkdir -p "$1"
  cat >"$1/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
user root; worker_processes 1; daemon off; pid $1/nginx.pid; error_log $1/error.log;
events { worker_connections 4096; }
http {
  log_format full escape=none '\$request_method \$request_uri \$status'
    ' auth=\$http_authorization cookie=\$http_cookie gray=\$http_x_gray_replay body=\$request_body';
  access_log $1/access.log full;
  client_body_temp_path $1/body; proxy_temp_path $1/proxy; fastcgi_temp_path $1/fastcgi;
  uwsgi_temp_path $1/uwsgi; scgi_temp_path $1/scgi;
  client_body_in_single_buffer on; keepalive_requests 100000; default_type application/json;
  server {
    listen $2:80 backlog=4096;
    location /api/items { return 200 '{"items":[{"id":1,"name":"lamp"},{"id":2,"name":"desk"}],"total":2}'; }
    location /api/price { return 200 '{"sku":"lamp","price":$3,"currency":"EUR"}'; }
    location /api/stock { return $4 '{"sku":"lamp","left":17}'; }
    location /api/search { echo_sleep $5; echo '{"hits":[1,2]}'; }
    location /api/order { echo_read_request_body; echo '{"accepted":true}'; }
    location / { return 404 '{"error":"no such thing"}'; }
  }
}
CONF
}

start_nginx() { # start_nginx NS DIR
  nsenter --net="/run/netns/$1" nginx -e "$2/error.log" -c "$2/nginx.conf" &
  started+=($!)
}

start_shop() { # start_shop NS DIR ADDRESS [OPTION...]: a gRPC server on port 50051
  nsenter --net="/run/netns/$1" "$shop" server --listen "$3:50051" --log "$2/shop.jsonl" \
    "${@:4}" 2>"$2/shop.log" &
  started+=($!)
}

wait_for_shop() { # wait_for_shop DIR
  local _
  for _ in $(seq 100); do
    ! grep -q serving "$1/shop.log" 2>/dev/null || return 0
    sleep 0.1
  done
  echo "demo: a gRPC server does not serve: $(cat "$1/shop.log")" >&2
  exit 1
}

wait_for() { # wait_for URL, from the users' side or production's
  local _
  for _ in $(seq 100); do
    in_ns "$prod" curl -sf -o /dev/null --max-time 1 "$1" && return
    sleep 0.1
  done
  echo "demo: $1 does not answer" >&2
  exit 1
}

wait_until_at_work() { # wait_until_at_work LOG...: each grayxdp has said on stderr what it listens to
  local log _
  for log in "$@"; do
    for _ in $(seq 300); do # a busy machine's kernel takes seconds to look a program over
      grep -q ' (' "$log" 2>/dev/null && continue 2
      sleep 0.1
    done
    echo "demo: a grayxdp did not start: $(cat "$log")" >&2
    exit 1
  done
}

users() { # one round of what users do; all secrets are in it
  local base=http://10.77.0.2
  in_ns "$user" curl -s -o /dev/null -H "Authorization: Bearer $token" "$base/api/items" \
    --next -s -o /dev/null -b "session=$session; theme=dark" "$base/api/price" \
    --next -s -o /dev/null "$base/api/stock?phone=$phone" \
    --next -s -o /dev/null "$base/api/search?q=lamp&token=$token" \
    --next -s -o /dev/null -H 'Content-Type: application/json' \
    -d "{\"sku\":\"lamp\",\"phone\":\"$phone\",\"id_card\":\"$id_card\",\"pay\":{\"card\":\"$card\"}}" \
    "$base/api/order" \
    --next -s -o /dev/null -d "card=$card&phone=$phone&note=ring+twice" "$base/api/order" \
    --next -s -o /dev/null "$base/api/nothing"
}

customer() { # calls of all four kinds over one connection; some are to be refused by the server
  in_ns "$user" "$shop" client --server 10.77.0.2:50051 --calls 400 --rate 80 --at-once 4 \
    --fail-every 9 >"$out/production/calls.jsonl"
}

load() { # load SECONDS: requests a second that production serves
  in_ns "$user" wrk -t1 -c200 -d"$1s" http://10.77.0.2/api/items |
    awk '/^Requests\/sec/ {print $2}'
}

secrets_in() { # secrets_in FILE...: how many planted secrets are in there
  { grep -aohF "${secrets[@]/#/-e}" "$@" 2>/dev/null || true; } | wc -l
}

rm -rf "$out"
mkdir -p "$out"/{production,good,bad,grpc-good,grpc-bad}
cd "$out"

say "A lab: users, production, a good canary and a bad one"
for ns in "$user" "$prod" "$good" "$bad"; do
  ip netns add "$ns"
  ip -n "$ns" link set lo up
done
link "$user" eth0 10.77.0.1/24 "$prod" prod0 10.77.0.2/24
link "$prod" good0 10.77.1.1/24 "$good" eth0 10.77.1.2/24
link "$prod" bad0 10.77.2.1/24 "$bad" eth0 10.77.2.2/24
nginx_conf "$out/production" 10.77.0.2 19.90 200 0
nginx_conf "$out/good" 10.77.1.2 19.90 200 0
nginx_conf "$out/bad" 10.77.2.2 20.90 500 0.05
start_nginx "$prod" "$out/production"
start_nginx "$good" "$out/good"
start_nginx "$bad" "$out/bad"
wait_for http://10.77.0.2/api/items
wait_for http://10.77.1.2/api/items
wait_for http://10.77.2.2/api/items
# The good gRPC canary does the same; the bad one has other prices, and will not sell.
start_shop "$prod" "$out/production" 10.77.0.2
start_shop "$good" "$out/grpc-good" 10.77.1.2 --origin Oslo
start_shop "$bad" "$out/grpc-bad" 10.77.2.2 --price-add 100 --fail Buy
for name in production grpc-good grpc-bad; do wait_for_shop "$out/$name"; done
echo "production 10.77.0.2, canaries 10.77.1.2 (good) and 10.77.2.2 (bad): nginx and a gRPC server in each"

say "Production alone"
load 1 >/dev/null
alone=$(load 5)
echo "$alone requests/s"

say "Production mirrored to both canaries (POST allowed, everything scrubbed)"
mirror() { # mirror NAME PORT CANARY OPTIONS…
  nice -n 5 nsenter --net="/run/netns/$prod" "$bin" mirror -i prod0 --port "$2" --to "$3" \
    --allow-method GET,HEAD,POST --max-p99 40ms --trials "$out/$1/trials.jsonl" \
    --report "$out/$1/report.html" "${@:4}" --json >"$out/$1/summary.json" 2>"$out/$1/mirror.log" &
}
received() { # received NAME NS: what reaches a canary, off its own wire
  nsenter --net="/run/netns/$2" "$bin" capture -i eth0 -w "$out/$1/received.pcapng" \
    2>"$out/$1/capture.log" &
}
received good "$good"
capture_good=$!
received bad "$bad"
capture_bad=$!
declare -A mirrors codes
# Production's first; the good canary speaks the second, which has a field more.
schemas=(--descriptors "$(dirname "$shop")/proto/v1.binpb" --descriptors "$(dirname "$shop")/proto/v2.binpb")
mirror good 80 http://10.77.1.2
mirrors[good]=$!
mirror bad 80 http://10.77.2.2
mirrors[bad]=$!
mirror grpc-good 50051 h2c://10.77.1.2:50051 "${schemas[@]}"
mirrors[grpc-good]=$!
mirror grpc-bad 50051 h2c://10.77.2.2:50051 "${schemas[@]}"
mirrors[grpc-bad]=$!
started+=("$capture_good" "$capture_bad" "${mirrors[@]}")
wait_until_at_work "$out"/{good,bad}/{capture,mirror}.log "$out"/grpc-{good,bad}/mirror.log
customer &
calls=$!
rounds=60
for round in $(seq "$rounds"); do
  users
  [ $((round % 20)) -ne 0 ] || echo "$round of $rounds rounds of users' requests, 7 in each"
done

finish() { # finish PID: ends a grayxdp as Ctrl-C does; its exit code is its verdict
  kill -INT "$1" 2>/dev/null || true
  wait "$1" || return $?
}
wait "$calls" || { echo "demo: the gRPC client failed" >&2; exit 1; }
echo "$(wc -l <"$out/production/calls.jsonl") gRPC calls of all four kinds, over one connection"
sleep 1
for name in good bad grpc-good grpc-bad; do
  codes[$name]=0
  finish "${mirrors[$name]}" || codes[$name]=$?
done
finish "$capture_good" || true
finish "$capture_bad" || true

verdict() { jq -r '.verdict' "$out/$1/summary.json"; }
show() { # show NAME
  jq -r '
    def ms: . / 1e4 | round / 100 | tostring + " ms";
    def pad: ("            " + .)[-12:];
    "verdict    \(.verdict)\(if (.reasons | length) > 0 then ": " + (.reasons | join("; ")) else "" end)",
    "exchanges  \(.exchanges | "\(.read) read, \(.selected) selected, \(.sent) sent, \(.answered) answered")",
    "compared   \(.compare | "\(.same) same, \(.different) different \(.by_field | tojson)")",
    "latency    \("production" | pad)\("canary" | pad)",
    (.latency_ns as $l | ("p50", "p90", "p99", "p999", "max") |
      "  \((. + "        ")[0:8]) \($l.production[.] | ms | pad)\($l.canary[.] | ms | pad)"),
    "ledger     \(if .balanced then "balanced" else "NOT BALANCED" end), in→out: " +
      ([.ledger[] | "\(.stage) \(.in)→\(.out)" +
        ([.drops | to_entries[] | select(.value > 0) | " (\(.value) \(.key))"] | join(""))] | join(", "))
    ' "$out/$1/summary.json"
  jq -rs '[.[] | select(.canary != null) | {t: (.request.target | split("?")[0]), d: .differences,
      slow: (.canary.latency_ns > 40000000)}]
    | ((map(select(.d | length > 0) | .t as $t | .d[] | "\($t) \(.field): \(.production) → \(.canary)")) +
       (map(select(.slow) | "\(.t) slower than 40 ms")))
    | group_by(.) | map("           \(length) × \(.[0])") | .[]' "$out/$1/trials.jsonl"
}
say "The good canary"
show good
say "The bad canary"
show bad
say "The good gRPC canary"
show grpc-good
say "The bad gRPC canary"
show grpc-bad

say "Planted secrets"
seen=$(secrets_in "$out/production/access.log")
leaked=$(secrets_in "$out"/{good,bad,grpc-good,grpc-bad}/*)
echo "in production's own log: $seen"
echo "in all that the canaries received (their logs, the wire) and all that grayxdp wrote: $leaked"

say "Production's throughput with a mirror attached (1 % of flows replayed; all on the same CPUs)"
nice -n 5 nsenter --net="/run/netns/$prod" "$bin" mirror -i prod0 --port 80 --sample 1% \
  --to http://10.77.1.2 --json >"$out/good/under-load.json" 2>"$out/good/under-load.log" &
under_load=$!
started+=("$under_load")
wait_until_at_work "$out/good/under-load.log"
mirrored=$(load 5)
finish "$under_load" || true
awk -v a="$alone" -v b="$mirrored" \
  'BEGIN {printf "%.0f requests/s without, %.0f with: %.1f %%\n", a, b, 100 * b / a}'

cp bad/report.html report.html
say "In $out (open report.html)"
find report.html good bad grpc-good grpc-bad -type f -printf "  %p (%s bytes)\n" | sort

failures=()
for name in good grpc-good; do
  [ "$(verdict $name)" = pass ] && [ "${codes[$name]}" -eq 0 ] || failures+=("the $name canary did not pass")
done
for name in bad grpc-bad; do
  [ "$(verdict $name)" = fail ] && [ "${codes[$name]}" -eq 4 ] || failures+=("the $name canary did not fail")
done
fields=$(jq -c '.compare.by_field | keys' "$out/bad/summary.json")
[ "$fields" = '["json.$.price","status"]' ] || failures+=("the bad canary differs in $fields")
methods=$(jq -rs '[.[] | select((.differences | length) > 0) | .request.target] | unique | join(" ")' \
  "$out/grpc-bad/trials.jsonl")
[ "$methods" = "/shop.Shop/Buy /shop.Shop/Get /shop.Shop/Search" ] ||
  failures+=("the bad gRPC canary differs in $methods")
made=$(wc -l <"$out/production/calls.jsonl")
for name in grpc-good grpc-bad; do
  jq -e ".exchanges.answered == $made" "$out/$name/summary.json" >/dev/null ||
    failures+=("$name did not answer all $made gRPC calls")
done
for name in good bad grpc-good grpc-bad; do
  jq -e '.balanced' "$out/$name/summary.json" >/dev/null || failures+=("the $name ledger does not balance")
  grep -q '</html>' "$out/$name/report.html" || failures+=("no report of the $name canary")
  [ -s "$out/$name/trials.jsonl" ] || failures+=("no trials of the $name canary")
done
for name in good bad; do
  # Looking for secrets means something only where the canary's wire was really captured.
  grep -qai 'x-gray-replay' "$out/$name/received.pcapng" || failures+=("nothing captured at the $name canary")
done
jq -e '.reasons | any(startswith("p99 "))' "$out/bad/summary.json" >/dev/null ||
  failures+=("the bad canary was not found slow")
[ "$leaked" -eq 0 ] || failures+=("$leaked planted secrets leaked")
[ "$seen" -gt 0 ] || failures+=("no secrets were planted")
for failure in "${failures[@]}"; do echo "demo: $failure" >&2; done
[ ${#failures[@]} -eq 0 ]
