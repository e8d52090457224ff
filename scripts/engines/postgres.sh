# shellcheck shell=bash disable=SC2154 # `folder` is set by scripts/servers, which reads this file
# PostgreSQL, as scripts/servers needs to know it. The functions that `exec` are called in a subshell.

postgres_bin() { # the newest of Debian's versions, else what PATH has
  local initdb
  initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [[ -n $initdb ]] || initdb=$(realpath "$(command -v initdb)" 2>/dev/null)
  dirname "$initdb"
}

missing_postgres() { [[ -x $(postgres_bin)/postgres ]] || echo postgresql; }

create_postgres() {
  local data=$folder/postgres/data bin
  bin=$(postgres_bin)
  touch "$folder/postgres/port.conf"
  (as_user postgres "$bin/initdb" -D "$data" -U uow -A trust -E UTF8 --no-locale --no-sync) &&
    cat >>"$data/postgresql.conf" <<'CONF' &&
include '../port.conf'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
max_prepared_transactions = 16
client_connection_check_interval = 100ms
log_min_messages = warning
# Inside the data folder: removed with it, and a container's small /dev/shm does not matter.
dynamic_shared_memory_type = mmap
# Tests kill processes, never the machine, and what a killed process wrote the kernel still has. Full-page writes stay
# on, though: SIGKILL can cut the write of one page in two.
fsync = off
CONF
    (as_user postgres "$bin/postgres" --single -D "$data" postgres) <<<'CREATE DATABASE uow'
}

launch_postgres() {
  echo "port = $(port postgres)" >"$folder/postgres/port.conf"
  as_user postgres setsid "$(postgres_bin)/postgres" -D "$folder/postgres/data"
}

bury_postgres() { # after SIGKILL: its shared memory, and its lock, which would hold until its pid is reaped
  local lock=$folder/postgres/data/postmaster.pid segment
  segment=$(awk 'NR == 7 { print $2 }' "$lock" 2>/dev/null) || return 0
  [[ -z $segment ]] || ipcrm -m "$segment" 2>/dev/null || true
  rm -f "$lock"
}

ask_postgres() { # whose server answers: its data folder
  unset "${!PG@}"
  PGCONNECT_TIMEOUT=2 timeout 5 "$(postgres_bin)/psql" -h 127.0.0.1 -p "$(port postgres)" -U uow -d uow -XAtc 'SHOW data_directory'
}

print_env_postgres() {
  echo "export UOW_POSTGRES_URL=postgres://uow:uow@127.0.0.1:$(port postgres)/uow"
  printf 'export UOW_POSTGRES_PGDATA=%q\n' "$folder/postgres/data"
  printf 'export UOW_POSTGRES_CTL=%q\n' "$(postgres_bin)/pg_ctl"
}
