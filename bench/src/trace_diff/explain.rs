// SPDX-License-Identifier: GPL-2.0

//! Parses the document that explains differences.
//!
//! A section explains a difference, in prose and in a code block for this program. The block's info
//! string names the chips or families that it applies to:
//!
//! ````markdown
//! ## Why upstream writes that
//! Because ...
//! ```trace-difference ga102 ad10x
//! - GSP NV_PFALCON_FALCON_IRQSCLR 0x40
//! ```
//! ````
//!
//! The lines are those that the program prints, without the counts; a word that starts with `*`,
//! such as `*400` or `*`, matches any word with the same end. A line that ends with `...` matches
//! one line or several.

use nova_hw::chipset::Chipset;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::compare::{Difference, Line};

/// First word of the info string of the blocks.
const LANGUAGE: &str = "trace-difference";

/// The explanations for one chip.
#[derive(Debug, Default)]
pub(crate) struct Explanations(Vec<Explanation>);

#[derive(Debug)]
struct Explanation {
    title: String,
    lines: Vec<String>,
}

impl Explanations {
    /// Reads the explanations for `chip` from a document.
    pub(crate) fn parse(document: &str, chip: Chipset) -> Self {
        let mut explanations = Self::default();
        let mut title = String::new();
        let mut in_heading = false;
        let mut in_block = false;
        for event in Parser::new(document) {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    in_heading = true;
                    title.clear();
                }
                Event::End(TagEnd::Heading(_)) => in_heading = false,
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    in_block = holds_for(&info, chip);
                }
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::Text(text) | Event::Code(text) if in_heading => title.push_str(&text),
                Event::Text(text) if in_block => explanations.0.push(Explanation {
                    title: title.clone(),
                    lines: text.lines().map(str::to_owned).collect(),
                }),
                _ => {}
            }
        }
        explanations
    }

    /// The title of the explanation of a difference.
    pub(crate) fn title(&self, difference: &Difference<'_>) -> Option<&str> {
        let mut explanations = self.0.iter();
        let explanation = explanations.find(|explanation| explanation.explains(difference))?;
        Some(&explanation.title)
    }

    /// The titles of the explanations that match none of the differences.
    pub(crate) fn unused(&self, differences: &[Difference<'_>]) -> Vec<&str> {
        let unused = self.0.iter().filter(|explanation| {
            !differences
                .iter()
                .any(|difference| explanation.explains(difference))
        });
        unused
            .map(|explanation| explanation.title.as_str())
            .collect()
    }
}

/// Whether a block with this info string applies to `chip`.
fn holds_for(info: &str, chip: Chipset) -> bool {
    let mut words = info.split_whitespace();
    words.next() == Some(LANGUAGE)
        && words.any(|word| word == "*" || word == chip.name() || word == chip.family())
}

impl Explanation {
    fn explains(&self, difference: &Difference<'_>) -> bool {
        let mut lines = &difference.lines[..];
        for pattern in &self.lines {
            let (pattern, most) = match pattern.strip_suffix(" ...") {
                Some(pattern) => (pattern, usize::MAX),
                None => (pattern.as_str(), 1),
            };
            let matching = lines.iter().take(most);
            match matching.take_while(|line| matches(pattern, line)).count() {
                0 => return false,
                count => lines = &lines[count..],
            }
        }
        lines.is_empty()
    }
}

/// Whether all words of the line match those of the pattern.
fn matches(pattern: &str, line: &Line) -> bool {
    let line = line.to_string();
    let (pattern, line) = (pattern.split_whitespace(), line.split_whitespace());
    pattern.clone().count() == line.clone().count()
        && pattern
            .zip(line)
            .all(|(pattern, word)| match pattern.strip_prefix('*') {
                Some(end) => word.ends_with(end),
                None => pattern == word,
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Side;

    const DOCUMENT: &str = "\
# Differences
## The first `one`
Why.
```trace-difference ga102 ad10x
- GSP NV_X *40
+ GSP NV_Y *
```
## Another
```sh
- GSP NV_X 0x40
```
";

    fn line(side: Side, register: &str, value: u32) -> Line {
        Line {
            side,
            register: format!("GSP {register}"),
            values: vec![value],
            count: 3,
        }
    }

    fn difference(lines: Vec<Line>) -> Difference<'static> {
        Difference {
            block: "GSP",
            after: "the start",
            lines,
        }
    }

    #[test]
    fn a_difference_is_explained_by_all_of_its_lines() {
        let explanations = Explanations::parse(DOCUMENT, Chipset::AD104);
        let theirs = || line(Side::Theirs, "NV_X", 0x40);
        let ours = |value| line(Side::Ours, "NV_Y", value);
        for value in [0, 7] {
            let title = explanations
                .title(&difference(vec![theirs(), ours(value)]))
                .map(str::to_owned);
            assert_eq!(title.as_deref(), Some("The first one"));
        }
        for lines in [
            vec![theirs()],
            vec![ours(1), theirs()],
            vec![theirs(), ours(1), ours(2)],
            vec![line(Side::Theirs, "NV_X", 0x41), ours(1)],
            vec![line(Side::Ours, "NV_X", 0x40), ours(1)],
        ] {
            assert_eq!(explanations.title(&difference(lines)), None);
        }
    }

    #[test]
    fn a_line_with_dots_explains_several() {
        let document = "```trace-difference *\n- GSP NV_X * ...\n- GSP NV_Y 0x1\n```\n";
        let explanations = Explanations::parse(document, Chipset::GA102);
        let many = |values: &[u32], last| {
            let lines = values
                .iter()
                .map(|&value| line(Side::Theirs, "NV_X", value));
            let lines = lines.chain([line(Side::Theirs, "NV_Y", last)]);
            difference(lines.collect())
        };
        assert!(explanations.title(&many(&[1], 1)).is_some());
        assert!(explanations.title(&many(&[1, 2, 3], 1)).is_some());
        assert!(explanations.title(&many(&[1, 2, 3], 2)).is_none());
        assert!(explanations.title(&many(&[], 1)).is_none());
    }

    #[test]
    fn explanations_of_other_chips_do_not_count() {
        let all = [difference(vec![])];
        for (chip, count) in [
            (Chipset::GA102, 1),
            (Chipset::GA103, 0),
            (Chipset::AD107, 1),
            (Chipset::GA100, 0),
        ] {
            let explanations = Explanations::parse(DOCUMENT, chip);
            assert_eq!(explanations.0.len(), count, "{chip}");
            assert_eq!(explanations.unused(&all).len(), count, "{chip}");
        }
    }

    #[test]
    fn a_block_names_its_chips() {
        assert!(holds_for("trace-difference *", Chipset::GB202));
        assert!(!holds_for("trace-difference", Chipset::GB202));
    }
}
