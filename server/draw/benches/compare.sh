#!/usr/bin/env bash
# Draws 5 % of the objects of the benchmark's city (4,200,000 in 40 cells) by other means, on the same data in the same
# run: PostgreSQL, SQLite, and a Python loop of SHA-256 tickets. They only choose objects, out of tables that are
# loaded already; ours reads the files, checks their hashes, chooses, deals inspectors and writes the transcript.
# Lines `compare NAME SECONDS RATIO`, the best of three; RATIO is to ours.
set -euo pipefail
cd "$(dirname "$0")/../../.."
objects=${OBJECTS:-4200000}
dir=$(mktemp -d); chmod 755 "$dir"
server=
cleanup() {
  if [ -n "$server" ]; then kill -INT "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap cleanup EXIT

ours() { cargo bench --quiet --locked -p draw --bench draw -- "$@"; }
least() { sort -n | head -1; }
show() { awk -v n="$1" -v s="$2" -v o="$base" 'BEGIN { printf "compare %-18s %8.2f s  %6.1f\n", n, s, s / o }'; }

mkdir "$dir/city"
ours make "$dir/city" "$objects"
base=$(for _ in 1 2 3; do ours draw "$dir/city" | cut -d' ' -f1; done | least)
show ours "$base"

choose='select object from (
  select object, row_number() over (partition by cell order by random()) as place, count(*) over (partition by cell) as n
  from objects) as o where place <= (n * 50000 + 999999) / 1000000'

bin=$(ls -d /usr/lib/postgresql/15/bin 2>/dev/null || true)
if [ -n "$bin" ]; then
  as=()
  if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$dir"); fi
  mkdir "$dir/pg"; if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$dir/pg"; fi
  "${as[@]}" "$bin/initdb" -D "$dir/pg/data" -U draw -A trust --no-sync >/dev/null
  "${as[@]}" "$bin/postgres" -D "$dir/pg/data" -k "$dir/pg" -c listen_addresses= -c work_mem=1GB \
    -c shared_buffers=1GB -c max_wal_size=4GB >"$dir/pg.log" 2>&1 &
  server=$!
  query() { "$bin/psql" -X -q -h "$dir/pg" -U draw -d postgres -v ON_ERROR_STOP=1 "$@"; }
  for _ in $(seq 100); do if query -c 'select 1' >/dev/null 2>&1; then break; fi; sleep 0.1; done
  query -c 'create unlogged table objects (cell text, object text, district text, needs text)'
  query -c "copy objects from stdin (format csv, header)" <"$dir/city/objects.csv"
  query -c 'vacuum analyze objects'
  best=$(for _ in 1 2 3; do
    query -c '\timing on' -c "create temp table drawn as $choose" | awk '/^Time:/ { print $2 / 1000 }'
  done | least)
  show postgresql-15 "$best"
  kill -INT "$server"; wait "$server" || true; server=
else
  echo 'compare postgresql-15: not installed (Debian package postgresql-15), left out' >&2
fi

if command -v sqlite3 >/dev/null; then
  sqlite3 "$dir/db" 'create table objects (cell text, object text, district text, needs text)' \
    '.mode csv' ".import --skip 1 $dir/city/objects.csv objects"
  best=$(for _ in 1 2 3; do
    printf '.timer on\n%s;\n' "create temp table drawn as $choose" | sqlite3 "$dir/db" | awk '/^Run Time:/ { print $4 }'
  done | least)
  show sqlite "$best"
else
  echo 'compare sqlite: the program sqlite3 is not installed, left out' >&2
fi

cat >"$dir/tickets.py" <<'PY'
import hashlib, heapq, sys, time
start = time.perf_counter()
seed = "5" * 64
cells = {}
with open(sys.argv[1]) as lines:
    next(lines)
    for line in lines:
        cell, object, _ = line.split(",", 2)
        ticket = hashlib.sha256(f"{seed},{object},1".encode()).hexdigest()
        cells.setdefault(cell, []).append((ticket, object))
drawn = [heapq.nsmallest(-(-len(of) // 20), of) for of in cells.values()]
print(time.perf_counter() - start)
PY
best=$(for _ in 1 2 3; do python3 "$dir/tickets.py" "$dir/city/objects.csv"; done | least)
show python-tickets "$best"
