//! Rows stream through a unit: a million of them do not fill the memory.

mod common;

use common::*;
use futures_util::StreamExt as _;

/// This process's resident memory, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel tells");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

engines! {
    async fn a_million_rows_in_bounded_memory(lab) {
        let million = match <Db as sqlx::Database>::NAME {
            "PostgreSQL" => "SELECT g::bigint, repeat('x', 100) FROM generate_series(1, 1000000) g",
            // (A recursion goes a thousand deep on MySQL.)
            "MySQL" => "WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < 999) \
                        SELECT CAST(1000 * thousands.x + ones.x + 1 AS SIGNED), repeat('x', 100) \
                        FROM n AS thousands, n AS ones ORDER BY 1",
            _ => "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) \
                  SELECT x, printf('%.100c', 'x') FROM n",
        };
        let mut db = Library::new(&lab.pool);
        db.blogs().count().await.unwrap();
        let (before, mut most, mut count) = (resident(), 0, 0_u64);
        let mut rows = sqlx::query_as::<_, (i64, String)>(million).fetch(db.session());
        while let Some(row) = rows.next().await {
            let (number, text) = row.unwrap();
            count += 1;
            assert_eq!((number as u64, text.len()), (count, 100));
            if count % 50_000 == 0 {
                most = most.max(resident());
            }
        }
        drop(rows);
        assert_eq!(count, 1_000_000);
        // A row is more than 100 bytes here: all of them would be more than 100 MiB.
        assert!(most < before + 40, "grew from {before} to {most} MiB");
        db.commit().await.unwrap();
    }
}
