//! A figure of the library's next to that of the same by hand.

use std::fmt;

use crate::common::readings::{median, middle};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Nanoseconds,
    Statements,
    RoundTrips,
    Allocations,
    Bytes,
}

impl Measure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Statements => "statements",
            Self::RoundTrips => "round_trips",
            Self::Allocations => "allocations",
            Self::Bytes => "bytes",
        }
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Insert,
    Change,
    /// The same as `Insert` with many rows: the figures are those of one row.
    InsertMany,
    Get,
    Lend,
    FlushClean,
    EndpointInsert,
    EndpointAdd,
}

impl Case {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert_1000",
            Self::Change => "change_100_of_1000",
            Self::InsertMany => "insert_100000",
            Self::Get => "get_tracked",
            Self::Lend => "lend_10000",
            Self::FlushClean => "flush_10000_clean",
            Self::EndpointInsert => "endpoint_insert",
            Self::EndpointAdd => "endpoint_add",
        }
    }
}

/// What the library is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// The best batch by hand.
    Batch,
    /// A statement for each row, in one transaction.
    PerRow,
    /// The library itself, with 1,000 rows.
    Thousand,
    /// The bytes of the rows.
    Rows,
    /// A hash map of the entities.
    HashMap,
    /// A comparison of each entity with a copy of it.
    Comparison,
    /// The same calls on the pool.
    Calls,
}

impl Against {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::PerRow => "per_row",
            Self::Thousand => "insert_1000",
            Self::Rows => "rows",
            Self::HashMap => "hash_map",
            Self::Comparison => "comparison",
            Self::Calls => "calls",
        }
    }
}

/// One figure of the library's next to the one it is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) case: Case,
    pub(crate) engine: &'static str,
    pub(crate) measure: Measure,
    pub(crate) against: Against,
    pub(crate) ours: f64,
    pub(crate) hand_written: f64,
    /// How far the ratios of the middle half of the rounds are apart.
    pub(crate) spread: f64,
}

impl Figure {
    /// Of times that were read in turns.
    pub(crate) fn of_times(
        (case, engine, against): (Case, &'static str, Against),
        ours: &[f64],
        hand_written: &[f64],
    ) -> Self {
        let ratios: Vec<_> = ours.iter().zip(hand_written).map(|(ours, hand)| ours / hand).collect();
        let (ours, hand_written) = (median(ours), median(hand_written));
        let spread = middle(&ratios);
        Self { case, engine, measure: Measure::Nanoseconds, against, ours, hand_written, spread }
    }

    /// Of a count, which is the same each time.
    pub(crate) fn of_count(
        (case, engine, against): (Case, &'static str, Against),
        measure: Measure,
        ours: f64,
        hand_written: f64,
    ) -> Self {
        Self { case, engine, measure, against, ours, hand_written, spread: 0.0 }
    }

    /// `None` where there is nothing by hand.
    pub(crate) fn ratio(&self) -> Option<f64> {
        (self.hand_written > 0.0).then(|| self.ours / self.hand_written)
    }
}

/// One line of JSON.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, ours, hand_written, spread, .. } = self;
        let (case, measure, against) = (self.case.name(), self.measure.name(), self.against.name());
        let ratio = self.ratio().map_or("null".to_owned(), |ratio| format!("{ratio:.4}"));
        write!(f, r#"{{"bench":"flush","case":"{case}","engine":"{engine}","measure":"{measure}","#)?;
        write!(f, r#""against":"{against}","ours":{ours:.1},"hand_written":{hand_written:.1},"#)?;
        write!(f, r#""ratio":{ratio},"spread":{spread:.4}}}"#)
    }
}
