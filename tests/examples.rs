//! The examples run cold, with nothing but what the repository holds, and the expanded one does what the derived one does.

use std::process::Command;

/// What an example prints, run by the command the README gives.
fn run(example: &str) -> String {
    let command = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&command.stderr);
    assert!(command.status.success(), "{example}: {errors}");
    String::from_utf8(command.stdout).unwrap()
}

#[test]
fn the_quickstart_and_its_expansion_say_the_same() {
    let quickstart = run("quickstart");
    let lines: Vec<&str> = quickstart.lines().collect();
    assert!(lines[0].starts_with("stored blog 1 (Rust in the small hours), created at 2"), "{quickstart}");
    assert!(lines[1].contains("UNIQUE constraint failed: blog.name"), "{quickstart}");
    assert_eq!(lines[2], "blogs stored: 1");

    let expanded = run("expanded");
    let without_time = |text: &str| text.split(", created at ").next().unwrap().to_owned();
    assert_eq!(without_time(&expanded), without_time(&quickstart));
    assert_eq!(expanded.lines().skip(1).collect::<Vec<_>>(), lines[1..]);
}

#[test]
fn the_bank_sends_a_transfer_in_few_statements() {
    let bank = run("bank");
    let transfer: Vec<&str> = bank
        .lines()
        .skip_while(|line| !line.starts_with("Ada gives Grace"))
        .take_while(|line| !line.starts_with("Ada wants"))
        .filter_map(|line| line.trim().strip_prefix("→ ")?.split(' ').next())
        .collect();
    assert_eq!(transfer, ["BEGIN", "SELECT", "SAVEPOINT", "UPDATE", "INSERT", "COMMIT"], "{bank}");
    assert!(bank.contains("refused: Ada has 70.00"), "{bank}");
    assert!(bank.contains("1 Ada: 70.70, version 2") && bank.contains("3 Linus: 0.00, version 0"), "{bank}");
}

#[test]
fn the_shop_sells_its_one_pot_once_and_keeps_price_and_stock() {
    let shop = run("shop");
    assert_eq!(shop.matches("got it").count(), 1, "{shop}");
    assert_eq!(shop.matches("the pot is sold out").count(), 7, "{shop}");
    assert!(shop.contains("Product 1 (version 1 expected, 2 found)"), "{shop}");
    assert!(shop.contains("5 × tea at 5.00, version 3"), "{shop}");
}
