# Every recipe is one or two commands that can as well be typed.

# everything but clusters, servers included; CI runs this and then `clusters`
check:
    scripts/check

# units on a Galera cluster, whose nodes are killed in turn
clusters:
    scripts/clusters

# what needs no server
test:
    cargo test

# a PostgreSQL and a MariaDB to work with; `scripts/servers down` stops them
servers:
    scripts/servers up
    scripts/servers env

# what a unit costs against the same calls by hand
bench:
    cargo bench --bench overhead

# what a flush costs against the best batch by hand
bench-flush:
    cargo bench --bench flush

# what the derives and the crates cost to compile
compile-cost:
    scripts/compile-cost

# the API, as docs.rs shows it
doc:
    cargo doc --workspace --no-deps --all-features

# accept new expansion snapshots and compiler messages; read the diff afterwards
bless:
    UPDATE_EXPECT=1 cargo test --package uow-macros
    TRYBUILD=overwrite cargo test --all-features --test ui

# what the derives write for the quickstart (needs cargo-expand)
expand:
    cargo expand --example quickstart
