//! A page that a bench writes into `docs/`.

use std::path::Path;
use std::process::Command;

use super::database::{Reach, pool, with_database};

/// Writes the page: `table` stands behind `head` and what it was measured with, and behind both `foot` and the missed targets.
pub(crate) fn write(file: &str, [head, with, table, foot]: [&str; 4], missed: &[String]) {
    let mut page = format!("{head}\nMeasured with {}, {}, {with}\n\n{table}{foot}", rustc(), sqlx());
    page.push_str(if missed.is_empty() { "\nAll of them hold.\n" } else { "\nNot all of them hold:\n\n" });
    missed.iter().for_each(|target| page.push_str(&format!("* {target}.\n")));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, page).unwrap();
}

/// What an engine calls itself.
pub(crate) fn version<DB: Reach>() -> String {
    with_database::<DB, _>("version", async |connect| {
        let pool = pool::<DB>(connect, "SELECT 1").await;
        let version = DB::texts(&pool, DB::VERSION).await.remove(0);
        pool.close().await;
        version
    })
}

/// What the compiler calls itself.
fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// sqlx, as it is locked.
fn sqlx() -> String {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let (_, package) = lock.split_once("name = \"sqlx\"\nversion = \"").unwrap();
    format!("sqlx {}", package.split('"').next().unwrap())
}
