# shellcheck shell=bash disable=SC2154 # `folder` is set by scripts/servers, which reads this file
# MariaDB, as scripts/servers needs to know it. The functions that `exec` are called in a subshell.

missing_mysql() { # the core packages are the programs alone; mariadb-server would start one too, on the default port
  command -v mariadbd mariadb-install-db >/dev/null || echo mariadb-server-core
  command -v mariadb >/dev/null || echo mariadb-client-core
}

create_mysql() {
  local home=$folder/mysql
  install -d -m 1777 "$home/tmp" && cat >"$home/init.sql" <<'SQL' &&
CREATE DATABASE IF NOT EXISTS uow;
CREATE USER IF NOT EXISTS uow@'%' IDENTIFIED BY 'uow';
GRANT ALL ON *.* TO uow@'%' WITH GRANT OPTION;
SQL
    (TMPDIR=$home/tmp as_user mysql mariadb-install-db --no-defaults --datadir="$home/data" --skip-test-db \
      --skip-name-resolve --auth-root-authentication-method=normal --innodb-log-file-size=32M)
}

launch_mysql() {
  local home=$folder/mysql options
  options=(
    --no-defaults --datadir="$home/data" --tmpdir="$home/tmp" --socket=server.sock --init-file="$home/init.sql"
    --bind-address=127.0.0.1 --port="$(port mysql)" --skip-name-resolve --character-set-server=utf8mb4
    --max-connections=300 --max-allowed-packet=4M --event-scheduler=OFF --performance-schema=OFF
    --innodb-buffer-pool-size=128M --innodb-log-file-size=32M
    # A commit is with the kernel when it returns, where the death of a process cannot touch it.
    --innodb-flush-log-at-trx-commit=2
  )
  as_user mysql setsid mariadbd "${options[@]}"
}

bury_mysql() { :; } # after SIGKILL: its locks went with it

ask_mysql() { # whose server answers: its data folder
  timeout 5 mariadb --no-defaults --connect-timeout=2 -h127.0.0.1 -P"$(port mysql)" -uuow -puow -BN uow \
    -e "SELECT TRIM(TRAILING '/' FROM @@datadir)"
}

print_env_mysql() { echo "export UOW_MYSQL_URL=mysql://uow:uow@127.0.0.1:$(port mysql)/uow"; }
