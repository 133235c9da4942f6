//! Every conformance case, and the kept page of their results. A case that is missed is printed with what it gave.

use snn_tests::conformance::{Case, GROUPS, Group, Verdict, markdown};
use std::sync::OnceLock;

/// The cases of a group, which run once for both tests that look at them.
fn cases(group: usize) -> &'static [Case] {
    static RESULTS: [OnceLock<Vec<Case>>; GROUPS.len()] = [const { OnceLock::new() }; GROUPS.len()];
    RESULTS[group].get_or_init(GROUPS[group].cases)
}

fn assert_group(group: usize) {
    let cases = cases(group);
    assert!(!cases.is_empty());
    let missed: Vec<String> = cases
        .iter()
        .filter(|case| case.verdict == Verdict::Missed)
        .map(|c| format!("{}: expected {}, found {} (tolerance {})", c.name, c.expected, c.found, c.tolerance))
        .collect();
    assert!(missed.is_empty(), "{}:\n{}", GROUPS[group].title, missed.join("\n"));
}

#[test]
fn intervals() {
    assert_group(0);
}

#[test]
fn equal_time_constants() {
    assert_group(1);
}

#[test]
fn linear_systems() {
    assert_group(2);
}

#[test]
fn white_noise() {
    assert_group(3);
}

#[test]
fn firing_patterns() {
    assert_group(4);
}

#[test]
fn published_neurons() {
    assert_group(5);
}

#[test]
fn semantics_of_a_step() {
    assert_group(6);
}

#[test]
fn conductances() {
    assert_group(7);
}

#[test]
fn synapses() {
    assert_group(8);
}

#[test]
fn changes_of_weights() {
    assert_group(9);
}

#[test]
fn the_kept_page_is_what_the_cases_give() {
    let results: Vec<(Group, &[Case])> = GROUPS.into_iter().enumerate().map(|(k, group)| (group, cases(k))).collect();
    let page = markdown(&results);
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conformance.md")).unwrap();
    if let Some((kept, found)) = kept.lines().zip(page.lines()).find(|(kept, found)| kept != found) {
        panic!(
            "kept:  {kept}\nfound: {found}\nrun `cargo run --release -p snn-tests --bin conformance > docs/conformance.md`"
        );
    }
    assert_eq!(
        kept.len(),
        page.len(),
        "run `cargo run --release -p snn-tests --bin conformance > docs/conformance.md`"
    );
}
