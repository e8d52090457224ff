//! A hazard as a pair of tests, and what they observed, for the table.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::future::LocalBoxFuture;
use tokio::sync::OnceCell;
use uow_test_support::Lab;

use super::steps::Steps;

/// Steps that end in an observation, made in words.
pub(crate) type Observe<DB> = for<'l> fn(&'l mut Lab<DB>) -> LocalBoxFuture<'l, String>;

/// One hazard on one engine.
pub(crate) struct Case<DB: Steps> {
    hazard: &'static str,
    pub(crate) plain: Side<DB>,
    pub(crate) unit: Side<DB>,
}

/// One side of a hazard, which is run once in a process, whoever asks for it first: its own test or the table's.
pub(crate) struct Side<DB: Steps> {
    observe: Observe<DB>,
    observed: OnceCell<String>,
}

impl<DB: Steps> Case<DB> {
    pub(crate) const fn new(hazard: &'static str, plain: Observe<DB>, unit: Observe<DB>) -> Self {
        Self { hazard, plain: Side::new(plain), unit: Side::new(unit) }
    }
}

impl<DB: Steps> Side<DB> {
    const fn new(observe: Observe<DB>) -> Self {
        Self { observe, observed: OnceCell::const_new() }
    }

    /// Takes the steps in this lab, if they were not taken yet.
    pub(crate) async fn in_lab(&self, lab: &mut Lab<DB>) -> &str {
        self.observed.get_or_init(|| (self.observe)(lab)).await
    }

    /// What was observed; in a lab of its own, if it was not yet. What does not hold is observed too: its own test fails.
    fn alone(&self) -> String {
        let mut seen = self.observed.get().cloned();
        if seen.is_none() {
            let observing = || {
                Lab::<DB>::run("table", async |lab: &mut Lab<DB>| {
                    seen = Some(self.in_lab(lab).await.to_owned());
                });
            };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(observing)) {
                let message = panic_message(&*panic).lines().next().unwrap_or_default();
                return format!("**does not hold**: {message}");
            }
        }
        seen.expect("the lab ran it")
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

/// A [`Case`] of whichever engine: a row of the table.
pub(crate) trait Row: Sync {
    fn hazard(&self) -> &'static str;

    fn engine(&self) -> &'static str;

    /// What was observed on plain sqlx and on a unit of work. Blocks until it was.
    fn observed(&self) -> [String; 2];
}

impl<DB: Steps> Row for Case<DB> {
    fn hazard(&self) -> &'static str {
        self.hazard
    }

    fn engine(&self) -> &'static str {
        DB::TITLE
    }

    fn observed(&self) -> [String; 2] {
        [self.plain.alone(), self.unit.alone()]
    }
}

/// The tests of a hazard: its number and name, the engines it concerns, and the two functions that take its steps.
///
/// Their names are claims. Each is a test in the modules `sqlite`, `postgres` and `mysql` (listed as ignored where its server
/// is not there), and `ROWS` has them for the table.
macro_rules! hazard {
    ($hazard:literal on $($engine:ident)*; $plain:ident; $unit:ident) => {
        $(hazard! { @engine $engine $hazard $plain $unit })*

        pub(crate) static ROWS: &[&dyn $crate::hazards::record::Row] = &[$(&$engine::CASE),*];
    };
    (@engine sqlite $($case:tt)*) => {
        hazard! { @tests sqlite Sqlite [uow_test_support::claim! { [] }] $($case)* }
    };
    (@engine postgres $($case:tt)*) => {
        hazard! { @tests postgres Postgres [uow_test_support::postgres_claim! {}] $($case)* }
    };
    (@engine mysql $($case:tt)*) => {
        hazard! { @tests mysql MySql [uow_test_support::mysql_claim! {}] $($case)* }
    };
    (
        @tests $engine:ident $db:ident [$support:ident::$claim:ident! { $($lead:tt)* }]
        $hazard:literal $plain:ident $unit:ident
    ) => {
        mod $engine {
            pub(super) static CASE: $crate::hazards::record::Case<sqlx::$db> = $crate::hazards::record::Case::new(
                $hazard,
                |lab| Box::pin(super::$plain(lab)),
                |lab| Box::pin(super::$unit(lab)),
            );
            $support::$claim! { $($lead)* sqlx::$db, $plain, lab, { CASE.plain.in_lab(lab).await; } }
            $support::$claim! { $($lead)* sqlx::$db, $unit, lab, { CASE.unit.in_lab(lab).await; } }
        }
    };
}
