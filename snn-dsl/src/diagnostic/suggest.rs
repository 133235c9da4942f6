//! "Did you mean": the candidate nearest to a misspelt name.

/// The candidate that is nearest to `name` by edit distance, if it is near enough to be a likely slip: one edit in up
/// to four letters, two in up to seven, three in longer names. Whoever slips more than once still begins with the right
/// letter. Differences in case alone always count as near. Of equally near candidates the first is taken.
pub fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = name.chars().collect();
    let limit = match letters.len() {
        0..=1 => 0,
        2..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    let initial = |word: &str| word.chars().next().map(|c| c.to_ascii_lowercase());
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        if candidate == name {
            continue;
        }
        let same_letters = candidate.to_lowercase() == name.to_lowercase();
        let distance = if same_letters { 0 } else { distance(&letters, candidate) };
        let same_initial = distance < 2 || initial(name) == initial(candidate);
        let near = same_letters || (distance <= limit && same_initial && distance < candidate.chars().count());
        if near && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and exchanges of neighbours that lead from `a` to `b`.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut previous_b = None;
        for (j, &y) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if j > 0 && previous_a == Some(y) && previous_b == Some(x) {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
            previous_b = Some(y);
        }
        before_last = std::mem::replace(&mut last, row);
        previous_a = Some(x);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_slips_and_nothing_far_off() {
        let words = ["param", "state", "spike", "event"];
        assert_eq!(closest("parm", words.into_iter()), Some("param"));
        assert_eq!(closest("psike", words.into_iter()), Some("spike"));
        assert_eq!(closest("STATE", words.into_iter()), Some("state"));
        assert_eq!(closest("voltage", words.into_iter()), None);
        assert_eq!(closest("V_rst", ["first", "V_reset"].into_iter()), Some("V_reset"));
        assert_eq!(closest("V_rst", ["first"].into_iter()), None);
        assert_eq!(closest("x", words.into_iter()), None);
        assert_eq!(closest("", words.into_iter()), None);
    }

    #[test]
    fn prefers_the_nearest() {
        assert_eq!(closest("tau_sin", ["tau_min", "tau_syn"].into_iter()), Some("tau_min"));
        assert_eq!(closest("tau_snn", ["tau_min", "tau_syn"].into_iter()), Some("tau_syn"));
    }
}
