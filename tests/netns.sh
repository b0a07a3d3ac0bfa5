#!/usr/bin/env bash
# The slow link with real TCP: 64 kbit/s by tbf and 1 % loss by nftables on a veth pair, 300 ms by a
# proxy behind it, and the veth taken down for half a second every 20 s. Both ends are in network
# namespaces of their own, so nothing of this reaches the machine's network. Needs root, unshare, ip, tc
# and nft; without them it says so and measures nothing. Usage: netns.sh BENCH
set -eu
bench=$(realpath "$1")
leave_out() { echo "left out: slow_link_netns_time_ratio ($1)"; exit 0; }
[ "$(id -u)" = 0 ] || leave_out "needs root"
for tool in unshare ip tc nft; do command -v $tool >/dev/null || leave_out "$tool is not installed"; done
if [ "${2:-}" != inside ]; then
  unshare --net true 2>/dev/null || leave_out "network namespaces are not allowed here"
  exec unshare --net "$0" "$bench" inside
fi
ip link set lo up
ns=dr-bench-$$
slow=drs$$ free=drf$$
dir=$(mktemp -d)
started=()
clean() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  ip netns del $ns 2>/dev/null || true
  ip link del $slow 2>/dev/null || true
  ip link del $free 2>/dev/null || true
  rm -rf "$dir"
}
trap clean EXIT
ip netns add $ns 2>/dev/null || leave_out "network namespaces are not allowed here"
ip link add $slow type veth peer name slow netns $ns
ip link add $free type veth peer name free netns $ns
ip addr add 10.93.1.1/24 dev $slow; ip link set $slow up
ip addr add 10.93.2.1/24 dev $free; ip link set $free up
ip -n $ns addr add 10.93.1.2/24 dev slow; ip -n $ns link set slow up
ip -n $ns addr add 10.93.2.2/24 dev free; ip -n $ns link set free up
ip -n $ns link set lo up
tc qdisc add dev $slow root tbf rate 64kbit burst 1600 latency 400ms
ip netns exec $ns tc qdisc add dev slow root tbf rate 64kbit burst 1600 latency 400ms
ip netns exec $ns nft -f - <<'NFT' || leave_out "nftables does not work here"
table inet loss {
  chain input {
    type filter hook input priority 0;
    iifname "slow" numgen random mod 100 < 1 drop
  }
}
NFT
ip netns exec $ns "$bench" delay 10.93.1.2:7000 10.93.2.1:7001 >"$dir/delay" & started+=($!)
(
  while [ ! -e "$dir/begin" ]; do sleep 0.1; done
  while sleep 20; do ip link set $slow down; sleep 0.5; ip link set $slow up; done
) & started+=($!)
for _ in $(seq 50); do grep -q open "$dir/delay" && break; sleep 0.1; done
"$bench" link 10.93.2.1:7001 10.93.1.2:7000 "$dir/begin"
