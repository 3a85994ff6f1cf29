//! What is said of a word that names nothing.

/// `unknown suite "quik": expected one of quick standard full; did you mean quick?`
#[must_use]
pub fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let meant = nearest(word, known).map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    format!("unknown {what} {word:?}: expected one of {}{meant}", known.join(" "))
}

/// The word that was probably meant: at most a third of its letters are wrong, missing, added or swapped; or the only one
/// that it is a part of.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let wrong = |other: &&str| strsim::osa_distance(&lower, &other.to_lowercase());
    let best = known.iter().copied().min_by_key(wrong)?;
    if wrong(&best) * 3 <= best.chars().count().max(3) {
        return Some(best);
    }
    let mut parts = known.iter().copied().filter(|other| lower.len() > 1 && other.to_lowercase().contains(&lower));
    parts.next().filter(|_| parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["quick", "standard", "full"];
        for (word, meant) in
            [("quik", Some("quick")), ("STANDRAD", Some("standard")), ("ful", Some("full")), ("slow", None), ("", None)]
        {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(nearest("f9", &["u1", "f8"]), Some("f8"));
        assert_eq!(nearest("x", &[]), None);
        let cpus = ["zen2", "skylake-server", "icelake-server", "apple-m1-p"];
        assert_eq!(["skylake", "m1", "server"].map(|word| nearest(word, &cpus)), [Some(cpus[1]), Some(cpus[3]), None]);
        assert_eq!(
            unknown("suite", "quik", &known),
            "unknown suite \"quik\": expected one of quick standard full; did you mean quick?"
        );
        assert_eq!(unknown("suite", "slow", &known), "unknown suite \"slow\": expected one of quick standard full");
    }
}
