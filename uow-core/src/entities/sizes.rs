//! In how many statements a batch is written, and of which sizes.

use super::Entities;
use crate::backend::Backend;
use crate::entity::{Entity, Values};

/// With arrays any size is the same text. Without, a size is a text to prepare, so they are numbers of one decimal digit and
/// zeros: 28 texts, and as many statements as the number of rows has digits. (One for the round numbers, which most batches
/// that are made by hand have. The first INSERT of a flush may be another text, for it asks for the step between its keys.)
pub(super) fn sizes(arrays: bool, rows: usize, values_of_one: usize, most_values: usize) -> Vec<usize> {
    const MOST: usize = 1000;
    const MOST_IN_ARRAYS: usize = 2048;
    let most =
        if arrays { MOST_IN_ARRAYS } else { round((most_values / values_of_one.max(1)).clamp(1, MOST)) };
    let mut sizes = Vec::new();
    let mut left = rows;
    while left > 0 {
        let size = if arrays { left.min(most) } else { most.min(round(left)) };
        sizes.push(size);
        left -= size;
    }
    sizes
}

/// Each row is looked at once for each row: not too many of them. And each is written in a padded size, which must not take
/// more values than one statement may have.
pub(super) fn sizes_of_cases(rows: usize, values_of_one: usize, most_values: usize) -> Vec<usize> {
    let most = (most_values / values_of_one.max(1)).clamp(1, 128);
    let most = if most < 16 { 1 << most.ilog2() } else { most / 16 * 16 };
    let mut sizes = vec![most; rows / most];
    if !rows.is_multiple_of(most) {
        sizes.push(rows % most);
    }
    sizes
}

/// Few sizes, for each is a text to prepare.
pub(super) fn padded(rows: usize) -> usize {
    if rows < 16 { rows.next_power_of_two() } else { rows.next_multiple_of(16) }
}

/// The highest decimal digit of a number, and zeros behind it.
fn round(number: usize) -> usize {
    match number.checked_ilog10() {
        Some(digits) => number / 10_usize.pow(digits) * 10_usize.pow(digits),
        None => 0,
    }
}

/// The same batch in smaller sizes where the rows of one, by their lengths in bytes, are too long for a message. A row that is
/// too long by itself is sent as it is, for there is no other way.
fn cut(sizes: Vec<usize>, lengths: &[usize], most: usize) -> Vec<usize> {
    let mut shorter = Vec::with_capacity(sizes.len());
    let mut rest = lengths;
    for size in sizes {
        let mut left = size;
        while left > 0 {
            let mut now = left;
            while now > 1 && rest.iter().take(now).sum::<usize>() > most {
                now = round(now / 2);
            }
            shorter.push(now);
            left -= now;
            rest = rest.get(now..).unwrap_or_default();
        }
    }
    shorter
}

impl<E: Entity<DB> + 'static, DB: Backend> Entities<E, DB> {
    /// The same sizes, or smaller ones where the values of these columns are more than the engine takes in one message.
    pub(super) fn within_a_message(
        &self,
        sizes: Vec<usize>,
        slots: &[usize],
        columns: impl FnOnce() -> Vec<usize>,
    ) -> Vec<usize> {
        let Some(most) = DB::MAX_BYTES else { return sizes };
        let columns = columns();
        let length = |entity: &&E| {
            let mut bytes = 0;
            for &column in &columns {
                // What does not encode is told when it is bound.
                entity.bind(column, &mut Values::measured(&mut bytes)).ok();
            }
            bytes
        };
        let lengths: Vec<usize> = self.entities_of(slots).iter().map(length).collect();
        cut(sizes, &lengths, most)
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, padded, sizes, sizes_of_cases};

    #[test]
    fn arrays_take_any_number_in_one_statement() {
        assert_eq!(sizes(true, 1000, 3, 65_535), [1000]);
        assert_eq!(sizes(true, 10_000, 3, 65_535), [2048, 2048, 2048, 2048, 1808]);
    }

    #[test]
    fn rows_are_written_in_few_sizes_under_the_limit() {
        assert_eq!(sizes(false, 1000, 3, 32_766), [1000]);
        assert_eq!(sizes(false, 768, 3, 32_766), [700, 60, 8]);
        assert_eq!(sizes(false, 300, 200, 32_766), [100, 100, 100]);
        assert_eq!(sizes(false, 3001, 3, 32_766), [1000, 1000, 1000, 1]);
        assert_eq!(sizes(false, 2, 40_000, 32_766), [1, 1]);
        assert_eq!(sizes(false, 0, 3, 32_766), [0; 0]);
    }

    #[test]
    fn a_padded_batch_has_no_more_values_than_one_statement_takes() {
        assert_eq!(sizes_of_cases(300, 4, 65_535), [128, 128, 44]);
        for values_of_one in [4, 63, 600, 1000, 5000, 65_535, 100_000] {
            let sizes = sizes_of_cases(300, values_of_one, 65_535);
            assert_eq!(sizes.iter().sum::<usize>(), 300);
            let fits = |size: &usize| *size == 1 || padded(*size) * values_of_one <= 65_535;
            assert!(sizes.iter().all(fits), "{values_of_one}: {sizes:?}");
        }
    }

    #[test]
    fn long_rows_are_written_in_smaller_batches() {
        let lengths: Vec<usize> = (0..768).map(|at| if at % 100 == 0 { 500 } else { 2 }).collect();
        for most in [0, 1, 499, 1000, 1500, 100_000] {
            let sizes = cut(vec![700, 60, 8], &lengths, most);
            assert_eq!(sizes.iter().sum::<usize>(), 768, "{most}");
            let mut rest = &lengths[..];
            for &size in &sizes {
                let (now, later) = rest.split_at(size);
                assert!(size == 1 || now.iter().sum::<usize>() <= most, "{most}: {sizes:?}");
                rest = later;
            }
        }
        assert_eq!(cut(vec![700, 60, 8], &lengths, 100_000), [700, 60, 8]);
        assert_eq!(cut(vec![4], &[9, 1, 1, 9], 10), [2, 2]);
    }
}
