// SPDX-License-Identifier: MIT

//! Patterns that select subtests: wildmat, as RFC 3977 section 4 describes it.
//!
//! `*` matches any text, `?` one character, `[a-z]` and `[^a-z]` one character of a set, and `\`
//! quotes the next character. Patterns are separated by commas; one that starts with `!` excludes,
//! and the last one that matches decides.

/// Whether `text` is selected by the comma-separated `patterns`.
pub fn matches(patterns: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut selected = false;
    for pattern in split(patterns) {
        let (pattern, selects) = match pattern.strip_prefix(&['!'][..]) {
            Some(rest) => (rest, false),
            None => (&pattern[..], true),
        };
        if matches_one(pattern, &text) {
            selected = selects;
        }
    }
    selected
}

/// Splits the patterns at commas that are neither escaped nor within brackets.
fn split(patterns: &str) -> Vec<Vec<char>> {
    let mut split = vec![Vec::new()];
    let mut in_set = false;
    let mut chars = patterns.chars();
    while let Some(c) = chars.next() {
        if c == ',' && !in_set {
            split.push(Vec::new());
            continue;
        }
        let Some(pattern) = split.last_mut() else {
            break;
        };
        pattern.push(c);
        match c {
            '\\' => pattern.extend(chars.next()),
            '[' => in_set = true,
            ']' => in_set = false,
            _ => {}
        }
    }
    split
}

/// Matches by backtracking to the last `*` only, so that no pattern takes more than (pattern length
/// × text length) steps.
fn matches_one(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, t));
            p += 1;
            continue;
        }
        match pattern.get(p..).and_then(|rest| step(rest, text[t])) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => {
                let Some((after, from)) = star else {
                    return false;
                };
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Number of characters of `pattern` that match `c`; `None` if it does not match.
fn step(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', '^', set @ ..] => {
            set_matches(set, c).and_then(|(found, n)| (!found).then_some(n + 2))
        }
        ['[', set @ ..] => set_matches(set, c).and_then(|(found, n)| found.then_some(n + 1)),
        [plain, ..] => (*plain == c).then_some(1),
        [] => None,
    }
}

/// Whether `c` is in the set, and the set's length with its `]`; `None` if it does not end.
fn set_matches(set: &[char], c: char) -> Option<(bool, usize)> {
    // A leading `]` is a member of the set.
    let end = 1 + set.get(1..)?.iter().position(|c| *c == ']')?;
    let mut members = &set[..end];
    let mut found = false;
    while let [first, rest @ ..] = members {
        (found, members) = match rest {
            ['-', last, rest @ ..] => (found || (*first..=*last).contains(&c), rest),
            _ => (found || *first == c, rest),
        };
    }
    Some((found, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_match_whole() {
        assert!(matches("reload", "reload"));
        assert!(!matches("reload", "reload-2"));
        assert!(!matches("reload", "re"));
        assert!(!matches("", "reload"));
    }

    #[test]
    fn stars_and_question_marks() {
        assert!(matches("*", "anything"));
        assert!(matches("*", ""));
        assert!(matches("*basic*", "a-basic-b"));
        assert!(matches("basic-???", "basic-abc"));
        assert!(!matches("basic-???", "basic-ab"));
        assert!(matches("a*b*c", "a-xb-yb-c"));
        assert!(!matches("a*b*c", "a-xb-yb-d"));
    }

    #[test]
    fn sets() {
        assert!(matches("basic-[0-9]", "basic-7"));
        assert!(!matches("basic-[0-9]", "basic-x"));
        assert!(matches("basic-[^0-9]", "basic-x"));
        assert!(!matches("basic-[^0-9]", "basic-7"));
        assert!(matches("[]a]", "]"));
        assert!(matches("[a,b]", ","));
        assert!(matches("[a-]", "-"));
    }

    #[test]
    fn malformed_patterns_match_nothing() {
        for pattern in ["[", "[^", "[a", "[a-", "\\"] {
            assert!(!matches(pattern, "a"), "{pattern}");
        }
    }

    #[test]
    fn the_last_match_decides() {
        assert!(matches("a,b", "b"));
        assert!(!matches("*,!b", "b"));
        assert!(matches("*,!b", "a"));
        assert!(matches("*,!b*,bc", "bc"));
        assert!(!matches("!b", "a"));
    }

    #[test]
    fn escapes() {
        assert!(matches("a\\*", "a*"));
        assert!(!matches("a\\*", "ab"));
        assert!(matches("a\\,b", "a,b"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "*a".repeat(64);
        assert!(!matches(&pattern, &"a".repeat(63)));
        assert!(!matches(&format!("{pattern}b"), &"a".repeat(4000)));
    }
}
