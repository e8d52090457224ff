//! What the library promises of its cost: the figures that `--check` holds it to.

use crate::figures::{Against, Comparison, Measure};
use crate::units::Way;

/// How many allocations more than by hand a unit may make: one for each of its two statements, and two.
const MORE_ALLOCATIONS: f64 = 4.0;
/// A unit makes a whole number of them. What a vector that grows now and then adds is not counted against it.
const NOW_AND_THEN: f64 = 0.5;

/// The target that a comparison misses, in words.
pub(crate) fn missed(comparison: &Comparison) -> Option<String> {
    let Comparison { engine, case, measure, against, ours, hand_written, .. } = comparison;
    if (*engine, *case) != ("sqlite", Way::Unit) {
        return None;
    }
    let (most, target) = match (measure, against) {
        (Measure::Instructions, Against::SameProtocol) => (hand_written * 1.03, "1.03 times"),
        (Measure::Instructions, Against::PoolBegin) => (hand_written * 1.15, "1.15 times"),
        (Measure::Allocations, Against::SameProtocol) => {
            (hand_written + MORE_ALLOCATIONS + NOW_AND_THEN, "4 more than")
        }
        _ => return None,
    };
    let (measure, against) = (measure.name(), against.name());
    (*ours > most).then(|| {
        format!(
            "{measure} of `new` on {engine}: {ours:.1}, more than {target} the {hand_written:.1} of {against}"
        )
    })
}
