//! Finds the name a misspelled one was meant to be.

/// The candidate most like `name`, if one is like it at all.
pub(crate) fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str> + Clone) -> Option<&'c str> {
    let shortened = |candidate: &&str| name.len() > 2 && candidate.starts_with(name);
    if let Some(candidate) = candidates.clone().find(shortened) {
        return Some(candidate);
    }
    let (distance, candidate) = candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong; with more it is another word.
    (distance <= candidate.chars().count().div_ceil(3)).then_some(candidate)
}

/// How many letters to insert, remove, replace or swap with the next to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other_letter) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other_letter);
            let mut fewest = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *other_letter;
            if swapped {
                fewest = fewest.min(before_last[column - 1] + 1);
            }
            current.push(fewest);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 5] = ["key", "generated", "version", "column", "skip"];

    fn meant(name: &str) -> Option<&'static str> {
        nearest(name, KEYS.into_iter())
    }

    #[test]
    fn swapped_and_missing_letters_are_recognised() {
        assert_eq!(meant("kye"), Some("key"));
        assert_eq!(meant("skp"), Some("skip"));
        assert_eq!(meant("verison"), Some("version"));
        assert_eq!(meant("colunm"), Some("column"));
    }

    #[test]
    fn the_beginning_of_a_key_is_recognised() {
        assert_eq!(meant("gen"), Some("generated"));
        assert_eq!(meant("col"), Some("column"));
    }

    #[test]
    fn another_word_is_not_mistaken_for_a_key() {
        assert_eq!(meant("rename"), None);
        assert_eq!(meant("default"), None);
        assert_eq!(meant(""), None);
    }
}
