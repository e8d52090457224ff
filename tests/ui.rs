//! What must not compile, and what the compiler says instead: one error for one mistake, on the user's token.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the `.stderr` files again; read them before you keep them.

#[test]
fn a_mistaken_unit_of_work_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/unit_of_work/*.rs");
}

#[test]
fn a_mistaken_repository_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/repository/*.rs");
}

#[test]
fn a_mistaken_entity_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/entity/*.rs");
}

#[test]
fn a_unit_that_is_used_wrongly_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/misuse/*.rs");
}

#[test]
fn lints_say_nothing_of_what_the_derives_wrote() {
    trybuild::TestCases::new().compile_fail("tests/ui/lints/*.rs");
}
