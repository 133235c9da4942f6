//! Prints the page of all conformance cases as Markdown.

use snn_tests::conformance::{Case, GROUPS, Group, markdown};

fn main() {
    let cases: Vec<(Group, Vec<Case>)> = GROUPS.into_iter().map(|group| (group, (group.cases)())).collect();
    let results: Vec<(Group, &[Case])> = cases.iter().map(|(group, cases)| (*group, cases.as_slice())).collect();
    print!("{}", markdown(&results));
}
