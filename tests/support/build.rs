//! Turns the servers that the environment names into the tests that need them: without its server a test is listed as
//! ignored, with the command that runs it, and never passes unrun.

fn main() {
    for (variable, flag) in [("UOW_POSTGRES_URL", "postgres_server"), ("UOW_MYSQL_URL", "mysql_server")] {
        println!("cargo::rerun-if-env-changed={variable}");
        println!("cargo::rustc-check-cfg=cfg({flag})");
        if std::env::var_os(variable).is_some() {
            println!("cargo::rustc-cfg={flag}");
        }
    }
}
