//! What the tests share: [`engines!`] runs one claim on every engine, and a [`Lab`] is a database of the test's own.

mod cluster;
mod lab;
mod proxy;
mod server;

pub use cluster::Cluster;
pub use lab::{Engine, Lab, pool_options, postgres_connect, schema, sql};
pub use proxy::{Proxy, Trigger};
pub use server::OwnServer;
#[doc(hidden)]
pub use tokio;

/// Writes each test once for every engine: the body is compiled three times, in modules `sqlite`, `postgres` and `mysql`,
/// where `Db` is the engine's sqlx database.
///
/// ```text
/// engines! {
///     async fn drop_without_commit_rolls_back(lab) { … }
/// }
/// ```
#[macro_export]
macro_rules! engines {
    ($($claims:tt)*) => {
        mod sqlite {
            #[allow(unused_imports, reason = "not all tests need what is around them")]
            use super::*;
            #[allow(dead_code, reason = "not all tests name their engine")]
            type Db = ::sqlx::Sqlite;
            $crate::claims! { claim, Db, $($claims)* }
        }
        $crate::servers! { $($claims)* }
    };
}

/// As [`engines!`], for what needs a server: PostgreSQL and MySQL.
#[macro_export]
macro_rules! servers {
    ($($claims:tt)*) => {
        mod postgres {
            #[allow(unused_imports, reason = "not all tests need what is around them")]
            use super::*;
            #[allow(dead_code, reason = "not all tests name their engine")]
            type Db = ::sqlx::Postgres;
            $crate::claims! { postgres_claim, Db, $($claims)* }
        }
        mod mysql {
            #[allow(unused_imports, reason = "not all tests need what is around them")]
            use super::*;
            #[allow(dead_code, reason = "not all tests name their engine")]
            type Db = ::sqlx::MySql;
            $crate::claims! { mysql_claim, Db, $($claims)* }
        }
    };
}

/// All the tests on one engine.
#[doc(hidden)]
#[macro_export]
macro_rules! claims {
    ($claim:ident, $db:ty, $(async fn $name:ident($lab:ident) $body:block)*) => {
        $($crate::$claim! { $db, $name, $lab, $body })*
    };
}

/// One test on one engine.
#[doc(hidden)]
#[macro_export]
macro_rules! claim {
    ([$($attribute:tt)*] $db:ty, $name:ident, $lab:ident, $body:block) => {
        #[test]
        $($attribute)*
        fn $name() {
            $crate::Lab::<$db>::run(
                ::core::concat!(::core::module_path!(), "::", ::core::stringify!($name)),
                async move |$lab: &mut $crate::Lab<$db>| $body,
            );
        }
    };
    ($db:ty, $name:ident, $lab:ident, $body:block) => { $crate::claim! { [] $db, $name, $lab, $body } };
}

/// A test on PostgreSQL: here, as its server was named when this was built.
#[doc(hidden)]
#[cfg(postgres_server)]
#[macro_export]
macro_rules! postgres_claim {
    ($($claim:tt)*) => { $crate::claim! { $($claim)* } };
}

/// A test on PostgreSQL: left out, and said so.
#[doc(hidden)]
#[cfg(not(postgres_server))]
#[macro_export]
macro_rules! postgres_claim {
    ($($claim:tt)*) => { $crate::claim! { [#[ignore = "needs a PostgreSQL server: run scripts/check"]] $($claim)* } };
}

/// A test on MySQL or MariaDB: here, as its server was named when this was built.
#[doc(hidden)]
#[cfg(mysql_server)]
#[macro_export]
macro_rules! mysql_claim {
    ($($claim:tt)*) => { $crate::claim! { $($claim)* } };
}

/// A test on MySQL or MariaDB: left out, and said so.
#[doc(hidden)]
#[cfg(not(mysql_server))]
#[macro_export]
macro_rules! mysql_claim {
    ($($claim:tt)*) => { $crate::claim! { [#[ignore = "needs a MariaDB server: run scripts/check"]] $($claim)* } };
}
