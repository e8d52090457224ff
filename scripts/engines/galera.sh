# shellcheck shell=bash disable=SC2154 # `folder` is set by scripts/servers, which reads this file
# The nodes of a MariaDB Galera cluster, as scripts/servers needs to know them: `galera1` is the first node, and so on. A
# node has four ports in a row: for clients, for the group, and for the two ways of receiving the state it lacks.

missing_galera() {
  command -v mariadbd mariadb-install-db mariadb wsrep_sst_rsync >/dev/null || echo mariadb-server
  [[ -e /usr/lib/galera/libgalera_smm.so ]] || echo galera-4
  command -v rsync >/dev/null || echo rsync
  command -v ss >/dev/null || echo iproute2
}

create_galera() { # node
  local home=$folder/$1
  install -d -m 1777 "$home/tmp"
  [[ $1 == galera1 ]] || return 0 # the others are sent all data by a node that is up
  cat >"$home/init.sql" <<'SQL' &&
FLUSH PRIVILEGES;
CREATE DATABASE uow;
CREATE USER uow@'%' IDENTIFIED BY 'uow';
GRANT ALL ON *.* TO uow@'%' WITH GRANT OPTION;
SQL
    (TMPDIR=$home/tmp as_user mysql mariadb-install-db --no-defaults --datadir="$home/data" --skip-test-db \
      --skip-name-resolve --auth-root-authentication-method=normal --innodb-log-file-size=32M --extra-file="$home/init.sql")
}

galera_peers() { # node: the addresses of the others
  local other peers=()
  for other in galera1 galera2 galera3; do
    [[ $other == "$1" || ! -f $folder/$other/port ]] || peers+=("127.0.0.1:$(($(port "$other") + 1))")
  done
  (IFS=, && echo "${peers[*]}")
}

galera_position() { # node, option…: how far a node that was killed had come; Galera itself notes this at a clean stop only
  (as_user mysql mariadbd "${@:2}" --log-error="$folder/$1/tmp/recovery.log" --wsrep-recover)
  sed -n 's/.*Recovered position: *\([^ ]*\).*/\1/p' "$folder/$1/tmp/recovery.log" | tail -n 1
}

launch_galera() { # node
  local home=$folder/$1 port options provider
  port=$(port "$1")
  provider=(
    base_host=127.0.0.1 base_port=$((port + 1)) gmcast.listen_addr=tcp://127.0.0.1:$((port + 1))
    ist.recv_addr=127.0.0.1:$((port + 2))
    # So much is kept for a node that comes back, which otherwise is sent a copy of everything.
    gcache.size=128M gcache.recover=yes
    # The time-outs that tell a dead node are left as they are: with shorter ones the two that survive a third have
    # suspected each other under load, and then neither accepts a statement.
  )
  options=(
    --no-defaults --datadir="$home/data" --tmpdir="$home/tmp" --socket=server.sock
    --bind-address=127.0.0.1 --port="$port" --skip-name-resolve --character-set-server=utf8mb4
    --max-connections=100 --event-scheduler=OFF --performance-schema=OFF --default-storage-engine=InnoDB
    --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --innodb-autoinc-lock-mode=2 --binlog-format=ROW
    # As in mysql.sh: a commit is with the kernel when it returns, where the death of a process cannot touch it.
    --innodb-flush-log-at-trx-commit=2
    --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --wsrep-cluster-name="unit-of-work-$(port galera1)"
    --wsrep-cluster-address="gcomm://$(galera_peers "$1")" --wsrep-node-name="$1" --wsrep-node-address=127.0.0.1
    --wsrep-node-incoming-address="127.0.0.1:$port" --wsrep-slave-threads=2
    --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:$((port + 3))"
    --wsrep-provider-options="$(IFS=';' && echo "${provider[*]}")"
  )
  if [[ -f $home/data/grastate.dat ]]; then
    options+=("--wsrep-start-position=$(galera_position "$1" "${options[@]}")")
  elif [[ $1 == galera1 ]]; then
    options+=(--wsrep-new-cluster)
  fi
  as_user mysql setsid mariadbd "${options[@]}"
}

bury_galera() { # node: after SIGKILL, what was still sending or receiving its data
  local pids
  mapfile -t pids < <(grep -lF "$folder/$1/data" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3)
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
}

ask_galera() { # node: whose server answers, its data folder; and nothing until it has all that the cluster has
  timeout 5 mariadb --no-defaults --connect-timeout=2 -h127.0.0.1 -P"$(port "$1")" -uuow -puow -BN uow \
    -e "SELECT TRIM(TRAILING '/' FROM @@datadir) FROM information_schema.global_status
        WHERE variable_name = 'wsrep_local_state_comment' AND variable_value = 'Synced'"
}

print_env_galera() { echo "export UOW_${1^^}_URL=mysql://uow:uow@127.0.0.1:$(port "$1")/uow"; }
