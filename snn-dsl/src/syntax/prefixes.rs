//! How many prefix operators wait for their operand: `-` and `not`, also those in front of open brackets.

use super::lex::Kind;

/// Reads an expression token by token. The number is a bound on how deep prefix operators nest in its tree.
#[derive(Default)]
pub(super) struct Prefixes {
    /// Those in front of each open bracket.
    outer: Vec<Run>,
    /// Their sum.
    sum: usize,
    /// Those in front of the current operand.
    run: Run,
    /// The last token ends an operand, so a `-` behind it is a difference.
    operand: bool,
}

#[derive(Clone, Copy, Default)]
struct Run {
    length: usize,
    /// There is a `not` among them: it takes in sums and comparisons, so it waits for all of them.
    negation: bool,
}

impl Prefixes {
    /// Reads a token; returns the number of operators that wait behind it.
    pub(super) fn after(&mut self, word: &str, kind: Kind) -> usize {
        match word {
            "not" => self.run = Run { length: self.run.length + 1, negation: true },
            "-" if !self.operand => self.run.length += 1,
            "(" | "[" | "{" => {
                self.outer.push(self.run);
                self.sum += self.run.length;
                self.run = Run::default();
            }
            ")" | "]" | "}" => {
                self.run = self.outer.pop().unwrap_or_default();
                self.sum -= self.run.length;
            }
            // A power binds more tightly than a sign.
            "^" => {}
            "+" | "-" | "*" | "/" | "<" | ">" | "<=" | ">=" | "==" | "!=" if self.run.negation => {}
            _ if kind == Kind::Punctuation || matches!(word, "and" | "or") => self.run = Run::default(),
            _ => {}
        }
        let is_sign = matches!(word, "not" | "and" | "or" | "if" | "else");
        self.operand = !is_sign && (matches!(kind, Kind::Word | Kind::Number) || matches!(word, ")" | "]" | "}"));
        self.sum + self.run.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::lex::lex;

    fn most(text: &str) -> usize {
        let mut prefixes = Prefixes::default();
        let (tokens, _) = lex(text);
        tokens.iter().map(|t| prefixes.after(&text[t.start..t.end], t.kind)).max().unwrap_or(0)
    }

    #[test]
    fn counts_what_nests() {
        assert_eq!(most("a - b - c"), 0);
        assert_eq!(most("-a * -b + -c"), 1);
        assert_eq!(most("- - not a"), 3);
        assert_eq!(most("--(-exp(-(---a)))"), 7);
        assert_eq!(most("-(a) + -(b) + -(c)"), 1);
        assert_eq!(most("2^-1^-1^-1"), 3);
        assert_eq!(most("not a + not b < not c and not d"), 3);
        assert_eq!(most("-if a { b } else { c } - if d { e } else { f } - g"), 1);
        assert_eq!(most("))))-a"), 0);
    }
}
