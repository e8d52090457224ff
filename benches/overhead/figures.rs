//! The figures of the ways, and what they say of the library against the same by hand.

use std::fmt;

use crate::callgrind;
use crate::clock;
use crate::common::readings::{median, middle};
use crate::database::Measured;
use crate::units::Way;

/// How often instructions and allocations are counted.
const COUNTS: usize = 3;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Instructions,
    Allocations,
    RoundTrips,
    Nanoseconds,
}

impl Measure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::RoundTrips => "round_trips",
            Self::Nanoseconds => "ns",
        }
    }
}

/// What the library is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// The same calls on a pooled connection, in the cheaper of two ways.
    SameProtocol,
    /// sqlx's own transaction, begun as most write it.
    PoolBegin,
    /// sqlx's own transaction, begun with the unit's text.
    PoolBeginWith,
}

impl Against {
    const ALL: [Self; 3] = [Self::SameProtocol, Self::PoolBegin, Self::PoolBeginWith];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SameProtocol => "same_protocol",
            Self::PoolBegin => "pool_begin",
            Self::PoolBeginWith => "pool_begin_with",
        }
    }

    fn ways(self) -> &'static [Way] {
        match self {
            Self::SameProtocol => &[Way::Query, Way::RawSql],
            Self::PoolBegin => &[Way::PoolBegin],
            Self::PoolBeginWith => &[Way::PoolBeginWith],
        }
    }
}

/// One figure of the library's next to the same figure of the same unit by hand.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) engine: &'static str,
    /// How the library's unit is written.
    pub(crate) case: Way,
    pub(crate) measure: Measure,
    pub(crate) against: Against,
    /// How the one by hand is written.
    pub(crate) hand: Way,
    pub(crate) ours: f64,
    pub(crate) hand_written: f64,
    /// How far the ratios of the single measurements are apart.
    pub(crate) spread: f64,
}

impl Comparison {
    pub(crate) fn ratio(&self) -> f64 {
        self.ours / self.hand_written
    }
}

/// One line of JSON.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, ours, hand_written, spread, .. } = self;
        let (case, hand) = (self.case.name(), self.hand.name());
        let (measure, against, ratio) = (self.measure.name(), self.against.name(), self.ratio());
        write!(
            f,
            r#"{{"bench":"overhead","engine":"{engine}","case":"{case}","measure":"{measure}","against":"{against}","#
        )?;
        write!(f, r#""hand":"{hand}","ours":{ours:.1},"hand_written":{hand_written:.1},"#)?;
        write!(f, r#""ratio":{ratio:.4},"spread":{spread:.4}}}"#)
    }
}

/// Measures an engine, and compares.
pub(crate) fn compare<DB: Measured>() -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    let (instructions, allocations) = counts::<DB>();
    comparisons.extend(comparisons_of::<DB>(Measure::Instructions, &instructions));
    comparisons.extend(comparisons_of::<DB>(Measure::Allocations, &allocations));
    if let Some(round_trips) = clock::round_trips::<DB>() {
        let round_trips: Vec<_> = round_trips.into_iter().map(|count| vec![count]).collect();
        comparisons.extend(comparisons_of::<DB>(Measure::RoundTrips, &round_trips));
    }
    comparisons.extend(comparisons_of::<DB>(Measure::Nanoseconds, &clock::nanoseconds::<DB>()));
    comparisons
}

/// The instructions and the allocations of each of the engine's ways, which take turns.
fn counts<DB: Measured>() -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut instructions = vec![Vec::new(); DB::WAYS.len()];
    let mut allocations = instructions.clone();
    let server = DB::behind_relay();
    for _ in 0..COUNTS {
        for (at, way) in DB::WAYS.iter().enumerate() {
            let counts = callgrind::count(DB::ENGINE, *way, server.as_ref());
            instructions[at].push(counts.instructions);
            allocations[at].push(counts.allocations);
        }
    }
    (instructions, allocations)
}

/// Compares both of the library's ways with each of those by hand; `figures` are those of the engine's ways.
fn comparisons_of<DB: Measured>(measure: Measure, figures: &[Vec<f64>]) -> Vec<Comparison> {
    let of = |way: Way| DB::WAYS.iter().position(|other| *other == way).map(|at| figures[at].as_slice());
    let mut comparisons = Vec::new();
    for case in [Way::Unit, Way::Run] {
        let ours = of(case).unwrap();
        for against in Against::ALL {
            let candidates = against.ways().iter().filter_map(|way| Some((*way, of(*way)?)));
            let cheaper = candidates.min_by(|one, other| median(one.1).total_cmp(&median(other.1)));
            let Some((hand, hand_written)) = cheaper else { continue };
            let ratios: Vec<_> = ours.iter().zip(hand_written).map(|(ours, hand)| ours / hand).collect();
            comparisons.push(Comparison {
                engine: DB::ENGINE,
                case,
                measure,
                against,
                hand,
                ours: median(ours),
                hand_written: median(hand_written),
                spread: middle(&ratios),
            });
        }
    }
    comparisons
}
