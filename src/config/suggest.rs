/*! "Did you mean …?" */

/// `(did you mean "x"?)` with a leading space, for the nearest of `known` to `name`
/// if it is near enough to be a slip: at most two edits, and fewer than half the name.
pub(super) fn suggest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let length = name.chars().count();
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= 2 && edits.saturating_mul(2) < length.max(1))
        .min()
        .map_or_else(String::new, |(_, candidate)| {
            format!(" (did you mean \"{candidate}\"?)")
        })
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, letter) in a.chars().enumerate() {
        let mut line = vec![row.saturating_add(1)];
        for (column, other) in b.iter().enumerate() {
            let replace = at(&last, column).saturating_add(usize::from(letter != *other));
            let insert = at(&line, column).saturating_add(1);
            let delete = at(&last, column.saturating_add(1)).saturating_add(1);
            let mut best = replace.min(insert).min(delete);
            let before = column.checked_sub(1);
            if let Some(before) = before
                && previous == Some(*other)
                && b.get(before) == Some(&letter)
            {
                best = best.min(at(&before_last, before).saturating_add(1));
            }
            line.push(best);
        }
        before_last = std::mem::replace(&mut last, line);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(0)
}

fn at(line: &[usize], column: usize) -> usize {
    line.get(column).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, edits) in [
            ("smart", "smart", 0),
            ("smrt", "smart", 1),
            ("samrt", "smart", 1),
            ("light", "smart", 4),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(
            suggest("smrt", ["light", "smart"]),
            " (did you mean \"smart\"?)"
        );
        assert_eq!(suggest("gpt", ["light", "smart"]), "");
        assert_eq!(suggest("ab", ["cd"]), "");
    }
}
