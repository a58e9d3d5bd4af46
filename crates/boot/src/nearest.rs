//! "Did you mean": the known name nearest to a mistyped one.

/// Names longer than this are not compared: a mistyped setting is short, and the work grows with the square.
const MAX_NAME: usize = 64;

/// The candidate with the fewest typing errors from `name`, if they are few enough for it to be meant: a third of the
/// letters, at least two. A swap of neighbours counts as one error. Ties go to the first candidate.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(2);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if let Some(errors) = distance(name, candidate)
            && errors <= limit
            && best.is_none_or(|(least, _)| errors < least)
        {
            best = Some((errors, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insert, delete, replace, swap of neighbours.
fn distance(a: &str, b: &str) -> Option<usize> {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len() > MAX_NAME || b.len() > MAX_NAME {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let replace = previous.get(j)? + usize::from(x != y);
            let mut least = replace.min(previous.get(j + 1)? + 1).min(row.get(j)? + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                least = least.min(before.get(j - 1)? + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied()
}

#[cfg(test)]
mod tests;
