//! What the library promises of a flush: the figures that `--check` holds it to.

use crate::figures::{Against, Case, Figure, Measure};

/// What a figure must not be more than.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// So many times the other.
    Times(f64),
    /// The other at least so many times as much.
    Faster(f64),
    /// This, whatever the other is.
    Most(f64),
    /// The other twice, and so much more.
    TwiceAnd(f64),
}

/// The target of a figure, if it has one.
pub(crate) fn of(figure: &Figure) -> Option<Target> {
    Some(match (figure.case, figure.measure, figure.against, figure.engine) {
        (Case::Insert, Measure::Nanoseconds, Against::Batch, _) => Target::Times(1.15),
        (Case::Insert, Measure::Nanoseconds, Against::PerRow, "postgres") => Target::Faster(2.5),
        (Case::Insert, Measure::Nanoseconds, Against::PerRow, "sqlite") => Target::Faster(5.0),
        (Case::Insert, Measure::RoundTrips, Against::PerRow, _) => Target::Most(4.0),
        (Case::Change, Measure::Nanoseconds, ..) => Target::Times(1.25),
        // Beside BEGIN and COMMIT.
        (Case::Change, Measure::Statements, ..) => Target::Most(3.0 + 2.0),
        (Case::InsertMany, Measure::Nanoseconds, Against::Thousand, _) => Target::Times(1.3),
        (Case::InsertMany, Measure::Bytes, Against::Rows, _) => Target::Times(3.0),
        (Case::Get, Measure::Nanoseconds, ..) => Target::Most(100.0),
        (Case::Get, Measure::Allocations, ..) => Target::Most(0.0),
        (Case::Lend, Measure::Bytes, ..) => Target::TwiceAnd(64.0),
        (Case::FlushClean, Measure::Nanoseconds, ..) => Target::Most(1_000_000.0),
        (Case::FlushClean, Measure::Statements, ..) => Target::Most(0.0),
        (Case::EndpointInsert, Measure::Statements, ..) => Target::Most(4.0),
        (Case::EndpointAdd, Measure::Statements, ..) => Target::Most(2.0),
        _ => return None,
    })
}

impl Target {
    fn most(self, hand_written: f64) -> f64 {
        match self {
            Self::Times(times) => hand_written * times,
            Self::Faster(times) => hand_written / times,
            Self::Most(most) => most,
            Self::TwiceAnd(more) => hand_written * 2.0 + more,
        }
    }

    pub(crate) fn holds(self, figure: &Figure) -> bool {
        figure.ours <= self.most(figure.hand_written)
    }

    /// In few words, for a table.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Times(times) => format!("≤ {times} ×"),
            Self::Faster(times) => format!("{times} × faster"),
            Self::Most(most) => format!("≤ {most}"),
            Self::TwiceAnd(more) => format!("≤ 2 × + {more}"),
        }
    }
}

/// The target that a figure misses, in words.
pub(crate) fn missed(figure: &Figure) -> Option<String> {
    let target = of(figure).filter(|target| !target.holds(figure))?;
    let (case, measure, against) = (figure.case.name(), figure.measure.name(), figure.against.name());
    let Figure { engine, ours, hand_written, .. } = figure;
    let target = target.text();
    Some(format!(
        "{case} on {engine}, {measure}: {ours:.1} against {hand_written:.1} of {against}, not {target}"
    ))
}
