//! Where statements end and blocks begin.

use super::*;

fn headers(text: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    let (list, _) = statements(FileId(0), text, &mut diagnostics);
    let diagnostics = diagnostics.into_sorted();
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    list.iter().map(|s| text[s.span.start as usize..s.span.end as usize].to_string()).collect()
}

#[test]
fn statements_end_at_newlines_and_semicolons() {
    assert_eq!(headers("a = 1\nb = 2; c = 3"), ["a = 1", "b = 2", "c = 3"]);
}

#[test]
fn lines_continue() {
    assert_eq!(headers("a = 1 +\n 2\nb = (1\n2)\nc = 1\n + 2"), ["a = 1 +\n 2", "b = (1\n2)", "c = 1\n + 2"]);
    assert_eq!(headers("a = if c { 1 }\nelse { 2 }\nb"), ["a = if c { 1 }\nelse { 2 }", "b"]);
    assert_eq!(headers("a -> b.c : dense, sign +\nd -> e.f : dense"), ["a -> b.c : dense, sign +", "d -> e.f : dense"]);
    assert_eq!(headers("a\n -> b.c\n : dense"), ["a\n -> b.c", ": dense"]);
    // Something is missing at the end of a line: the next one is none of its.
    assert_eq!(headers("a = 1 +\nparam b = 2"), ["a = 1 +", "param b = 2"]);
    assert_eq!(headers("a =\ntau dV/dt = -V"), ["a =", "tau dV/dt = -V"]);
    assert_eq!(headers("a =\nd/dt\nb"), ["a =\nd/dt", "b"]);
    assert_eq!(headers("param x = 1 in 0 ..\nparam y = 1"), ["param x = 1 in 0 ..", "param y = 1"]);
}

#[test]
fn blocks_belong_to_statements() {
    let mut diagnostics = Diagnostics::default();
    let text = "neuron A {\n  on e { I += e }\n  let x = if a { b } else { c }\n}\nconst y = 1";
    let (list, _) = statements(FileId(0), text, &mut diagnostics);
    assert_eq!(list.len(), 2);
    let block = list[0].block.as_ref().unwrap();
    assert_eq!(block.len(), 2);
    assert_eq!(block[0].block.as_ref().map(Vec::len), Some(1));
    assert_eq!(block[1].block, None);
}

#[test]
fn a_forgotten_brace_does_not_swallow_the_next_items() {
    let count = |text: &str| {
        let mut diagnostics = Diagnostics::default();
        let (list, _) = statements(FileId(0), text, &mut diagnostics);
        (list.len(), diagnostics.into_sorted().iter().map(|d| d.code).collect::<Vec<_>>())
    };
    assert_eq!(count("neuron A {\n state V\nconst a = 1\nfn f(x) = x"), (3, vec!["E0103"]));
    assert_eq!(count("neuron A {\n on e {\nsurrogate s(a = 1) {\n}"), (2, vec!["E0103", "E0103"]));
    // Every brace is closed: the item stands in the wrong place.
    assert_eq!(count("network A {\n neuron B {\n }\n}\nconst a = 1"), (2, vec![]));
}

#[test]
fn a_forgotten_brace_of_assignments_does_not_swallow_the_declarations() {
    let read = |text: &str| {
        let mut diagnostics = Diagnostics::default();
        let (list, _) = statements(FileId(0), text, &mut diagnostics);
        let lines = list[0].block.as_ref().map_or(0, Vec::len);
        (list.len(), lines, diagnostics.into_sorted().iter().map(|d| d.code).collect::<Vec<_>>())
    };
    assert_eq!(read("neuron A {\n on e {\n  V += e\n param b = 1\n}"), (1, 2, vec!["E0103"]));
    assert_eq!(read("neuron A {\n on e {\n  param b = 1\n }\n}"), (1, 1, vec![]));
    // A header without its block, and a block without its header.
    assert_eq!(read("neuron A {}\nneuron B\n state V\n}\nneuron C {}"), (4, 0, vec![]));
    assert_eq!(read("neuron A {\n state V\n {\n  state W\n }\n}"), (1, 1, vec!["E0102"]));
}

#[test]
fn a_forgotten_bracket_does_not_swallow_the_rest() {
    let mut diagnostics = Diagnostics::default();
    let text = "neuron A {\n  let x = (1 + 2\n  param y = 3\n}";
    let (list, _) = statements(FileId(0), text, &mut diagnostics);
    assert_eq!(diagnostics.into_sorted().len(), 1);
    assert_eq!(list[0].block.as_ref().map(Vec::len), Some(1));
}
