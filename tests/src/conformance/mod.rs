//! Results that an implementation must meet: published figures, closed forms, values from 50 digits, and the semantics of a
//! step. All run through the interpreter, to which generated code is equal bit for bit.

mod conductance;
mod degeneracy;
mod firing_patterns;
mod intervals;
mod linear;
mod noise;
mod plasticity;
mod published;
mod reference;
mod rig;
mod steps;
mod synapses;

use std::fmt::Write;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerance.
    Met,
    /// Known not to be reachable, and just as it is known.
    Limit,
    /// Neither.
    Missed,
}

impl Verdict {
    fn met(yes: bool) -> Self {
        if yes { Self::Met } else { Self::Missed }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Limit => "limit",
            Self::Missed => "**missed**",
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is measured.
    pub name: String,
    /// Where the expected result comes from.
    pub source: &'static str,
    /// What is expected.
    pub expected: String,
    /// What the model gave.
    pub found: String,
    /// How far apart the two may be.
    pub tolerance: String,
    /// Whether they are that close.
    pub verdict: Verdict,
}

impl Case {
    /// A number with `digits` decimals, to be met within `tolerance`.
    fn number(
        name: impl Into<String>,
        source: &'static str,
        (expected, found): (f64, f64),
        tolerance: f64,
        (digits, unit): (usize, &str),
    ) -> Self {
        let space = if unit.is_empty() { "" } else { " " };
        Self {
            name: name.into(),
            source,
            expected: format!("{expected:.digits$}{space}{unit}"),
            found: format!("{found:.digits$}{space}{unit}"),
            tolerance: format!("{tolerance}{space}{unit}"),
            verdict: Verdict::met((found - expected).abs() <= tolerance),
        }
    }

    /// Something that has to be equal.
    fn equal(name: impl Into<String>, source: &'static str, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        let verdict = Verdict::met(expected == found);
        Self { name: name.into(), source, expected, found, tolerance: "equal".into(), verdict }
    }

    /// The largest of many errors; printed as a power of ten that it is below, so that the table does not change with the
    /// order of two additions.
    fn error(name: impl Into<String>, source: &'static str, expected: &str, error: f64, tolerance: f64) -> Self {
        Self {
            name: name.into(),
            source,
            expected: expected.into(),
            found: format!("error {}", below(error)),
            tolerance: format!("{tolerance:e}"),
            verdict: Verdict::met(error <= tolerance),
        }
    }
}

/// `below 1e-13`
fn below(error: f64) -> String {
    if error.is_nan() {
        return "NaN".into();
    }
    let exponent = (-15..=15).find(|&k| error <= decade(k));
    exponent.map_or(format!("{error:e}"), |k| format!("below 1e{k}"))
}

fn decade(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(f64::INFINITY)
}

/// Cases of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading of its table.
    pub title: &'static str,
    /// What is common to its cases.
    pub text: &'static str,
    /// Runs the cases.
    pub cases: fn() -> Vec<Case>,
}

/// All groups, in the order of the table.
pub const GROUPS: [Group; 10] = [
    intervals::GROUP,
    degeneracy::GROUP,
    linear::GROUP,
    noise::GROUP,
    firing_patterns::GROUP,
    published::GROUP,
    steps::GROUP,
    conductance::GROUP,
    synapses::GROUP,
    plasticity::GROUP,
];

/// The page with all tables, from the cases of each group.
pub fn markdown(results: &[(Group, &[Case])]) -> String {
    let mut page = String::from(
        "# Conformance\n\n\
         Results that an implementation must meet, and what the models in `tests/models/conformance` give. The page is written by\n\
         `cargo run --release -p snn-tests --bin conformance > docs/conformance.md`; a test compares it with what the cases give.\n\
         Everything is in double precision unless it says otherwise. *limit* is a result that is out of reach for a stated reason.\n\
         `cargo run --release --example firing_patterns` draws the twenty patterns.\n",
    );
    for (group, cases) in results {
        let _ = write!(page, "\n## {}\n\n{}\n\n", group.title, group.text);
        page.push_str("| case | source | expected | found | tolerance | verdict |\n|---|---|---|---|---|---|\n");
        for Case { name, source, expected, found, tolerance, verdict } in *cases {
            let verdict = verdict.text();
            let _ = writeln!(page, "| {name} | {source} | {expected} | {found} | {tolerance} | {verdict} |");
        }
    }
    page
}
